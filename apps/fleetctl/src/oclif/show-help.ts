import { HelpBase } from '@oclif/core/help';
import type { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import { didYouMean, findCommand } from '../cli/find-command.ts';
import { EXIT_USAGE, isUsageError } from '../cli/usage-error.ts';
import { globalFlags } from '../definitions/globals.ts';
import { commands } from '../definitions/index.ts';
import type { Context } from '../cli/context.ts';
import { VERSION } from '../version.ts';
import { renderCommandHelp, renderRootHelp } from '../view/help.ts';
import { loadOclif } from './config.ts';

/** Help in the original's layout, from the same definitions. */
class FleetctlHelp extends HelpBase {
  private readonly write: (text: string) => void;

  constructor(config: Config, write: (text: string) => void) {
    super(config);
    this.write = write;
  }

  override async showHelp(argv: string[]): Promise<void> {
    const [id] = argv;
    const command = id === undefined ? undefined : this.config.findCommand(id);
    if (command === undefined) this.write(renderRootHelp(commands, globalFlags, VERSION));
    else await this.showCommandHelp(command);
  }

  override showCommandHelp(command: Command.Loadable): Promise<void> {
    const definition = commands.find((each) => each.name === command.id);
    if (definition !== undefined) this.write(renderCommandHelp(definition, globalFlags));
    return Promise.resolve();
  }
}

/** Prints the help of a command, or of all. An unknown topic gets the help of all, a word on standard error, and a failure. */
export async function showHelp(topic: string | undefined, world: Pick<Context, 'stdout' | 'stderr'>): Promise<number> {
  const help = new FleetctlHelp(await loadOclif(), (text) => world.stdout.write(text));
  if (topic === undefined) {
    await help.showHelp([]);
    return 0;
  }
  try {
    await help.showHelp([findCommand(topic, commands).name]);
    return 0;
  } catch (error) {
    if (!(isUsageError(error))) throw error;
    await help.showHelp([]);
    world.stderr.write(`Unknown help topic [\`${topic}\`].${didYouMean(topic, commands.map((command) => command.name)).trimEnd()}\n`);
    return EXIT_USAGE;
  }
}
