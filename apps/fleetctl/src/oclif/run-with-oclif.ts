import type { CommandDefinition } from '../cli/definition.ts';
import { flagLookup, resolveFlags, type CommandLine } from '../cli/parse.ts';
import { UsageError } from '../cli/usage-error.ts';
import { globalFlags } from '../definitions/globals.ts';
import { runCommand, type World } from '../run.ts';
import { loadOclif, type OclifResult } from './config.ts';

/** Lets oclif read what the quick parser could not. Runs the command if oclif can. @throws UsageError with its complaint otherwise. */
export async function runWithOclif(command: CommandDefinition | undefined, line: CommandLine, world: World): Promise<number> {
  const config = await loadOclif();
  // Without a command any will do to name the flag: the global ones are the same for all.
  const id = command?.name ?? 'version';
  // A flag without its value has to stand last, or oclif would take the next word for it.
  const lookup = flagLookup(globalFlags, command?.flags ?? []);
  const unfinished = line.flags.find((flag) => !flag.includes('=') && (lookup(flag.slice(2))?.type ?? 'boolean') !== 'boolean');
  let result: OclifResult;
  try {
    result = await config.runCommand<OclifResult>(id, unfinished === undefined ? [...line.flags, '--', ...line.args] : [unfinished]);
  } catch (error) {
    throw new UsageError(complaint(error), command?.name);
  }
  if (command === undefined) throw new UsageError('no command given');
  return await runCommand(command, resolveFlags(command, globalFlags, result.raw, world.env), result.args, world);
}

/** oclif's complaint in the words of the original. */
function complaint(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('flags' in error && Array.isArray(error.flags)) {
    const [flag] = error.flags as string[];
    if (flag !== undefined) return flag.startsWith('--') ? `unknown flag: ${flag.replace(/=.*$/, '')}` : `unknown shorthand flag: '${flag.slice(1, 2)}' in ${flag}`;
  }
  const missing = /^Flag --(\S+) expects a value/.exec(error.message)?.[1];
  return missing === undefined ? error.message.trim() : `flag needs an argument: --${missing}`;
}
