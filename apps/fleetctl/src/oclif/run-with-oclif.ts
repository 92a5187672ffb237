import type { CommandDefinition } from '../cli/definition.ts';
import { didYouMean } from '../cli/find-command.ts';
import { flagLookup, resolveFlags, type CommandLine, type RawFlags } from '../cli/parse.ts';
import { UsageError } from '../cli/usage-error.ts';
import { globalFlags } from '../definitions/globals.ts';
import { runCommand, type World } from '../run.ts';
import { loadOclif } from './config.ts';

/** Lets oclif read what the quick parser could not. Runs the command if oclif can. @throws UsageError with its complaint otherwise. */
export async function runWithOclif(command: CommandDefinition | undefined, line: CommandLine, world: World): Promise<number> {
  const config = await loadOclif();
  // Without a command any will do to name the flag: the global ones are the same for all.
  const id = command?.name ?? 'version';
  // A flag without its value has to stand last, or oclif would take the next word for it.
  const lookup = flagLookup(globalFlags, command?.flags ?? []);
  const unfinished = line.flags.find((flag) => !flag.includes('=') && (lookup(flag.slice(2))?.type ?? 'boolean') !== 'boolean');
  let raw: RawFlags;
  try {
    raw = await config.runCommand<RawFlags>(id, unfinished === undefined ? [...line.flags] : [unfinished]);
  } catch (error) {
    throw new UsageError(complaint(error, command, line), command?.name);
  }
  if (command === undefined) throw new UsageError('no command given');
  return await runCommand(command, resolveFlags(command, globalFlags, raw, world.env), line.args, world);
}

/** oclif's complaint in the words of the original, with what was perhaps meant. */
function complaint(error: unknown, command: CommandDefinition | undefined, line: CommandLine): string {
  if (!(error instanceof Error)) return String(error);
  if ('flags' in error && Array.isArray(error.flags)) {
    const [flag] = error.flags as string[];
    if (flag !== undefined) return unknownFlag(flag, command, line);
  }
  const missing = /^Flag --(\S+) expects a value/.exec(error.message)?.[1];
  return missing === undefined ? error.message.trim() : `flag needs an argument: --${missing}`;
}

function unknownFlag(flag: string, command: CommandDefinition | undefined, line: CommandLine): string {
  // Most likely it is for the command that is to be run there.
  const [target] = line.args;
  const forCommand = command?.name === 'ssh' && target !== undefined ? `\nThe command to run and its flags go after --: fleetctl ssh ${target} -- ${[...line.args.slice(1), flag].join(' ')}` : '';
  if (!flag.startsWith('--')) return `unknown shorthand flag: '${flag.slice(1, 2)}' in ${flag}${forCommand}`;
  const name = flag.replace(/=.*$/s, '');
  const names = [...globalFlags, ...(command?.flags ?? [])].map((each) => `--${each.name}`);
  return `unknown flag: ${name}${forCommand === '' ? didYouMean(name, names) : forCommand}`;
}
