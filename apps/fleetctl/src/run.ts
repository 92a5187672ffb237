import type { Context } from './cli/context.ts';
import { flagLookup, canonicalize, findCommandWord, readCanonicalFlags, resolveFlags, type CommandLine } from './cli/parse.ts';
import type { CommandDefinition, Flags } from './cli/definition.ts';
import { findCommand } from './cli/find-command.ts';
import { EXIT_USAGE, isUsageError } from './cli/usage-error.ts';
import { commands } from './definitions/index.ts';
import { globalFlags } from './definitions/globals.ts';
import { VERSION } from './version.ts';

/** The world a run of fleetctl sees; `createContext` makes the rest of it once the flags are known. */
export interface World extends Pick<Context, 'env' | 'cwd' | 'stdout' | 'stderr'> {
  readonly createContext: (flags: Flags) => Context;
}

/**
 * Runs one command line and returns the exit code. A well-formed command line is read here and its command loaded at once; help and everything
 * that cannot be understood is oclif's, which is loaded only then. Both read the same definitions.
 */
export async function runFleetctl(argv: readonly string[], world: World): Promise<number> {
  try {
    return await dispatch(argv, world);
  } catch (error) {
    return await reportFailure(error, world);
  }
}

async function dispatch(argv: readonly string[], world: World): Promise<number> {
  if (argv[0] === '-v' || argv[0] === '--version') return printVersion(world);
  const globals = flagLookup(globalFlags);
  const found = findCommandWord(argv, globals);
  if (found === undefined) {
    const line = canonicalize(argv, globals, undefined);
    if (line.flags.includes('--version')) return printVersion(world);
    if (readCanonicalFlags(line.flags, globals) === undefined) return await explain(undefined, line, world);
    return await showHelp(undefined, world);
  }
  const command = findCommand(found.word, commands);
  const lookup = flagLookup(globalFlags, command.flags);
  const line = canonicalize(argv.toSpliced(found.at, 1), lookup, command.name);
  if (line.help) return await showHelp(command.name, world);
  if (line.flags.includes('--version')) return printVersion(world);
  const raw = readCanonicalFlags(line.flags, lookup);
  if (raw === undefined) return await explain(command, line, world);
  if (command.name === 'help') return await showHelp(line.args[0], world);
  if (command.name === 'version') return printVersion(world);
  const flags = resolveFlags(command, globalFlags, raw, world.env);
  // Only the environment can have set it here.
  return flags.on('help') ? await showHelp(command.name, world) : await runCommand(command, flags, line.args, world);
}

/** Runs a command whose flags are known. */
export async function runCommand(command: CommandDefinition, flags: Flags, args: readonly string[], world: World): Promise<number> {
  const module = await command.load();
  return await module.run(world.createContext(flags), flags, args);
}

function printVersion(world: World): number {
  world.stdout.write(`fleetctl version ${VERSION}\n`);
  return 0;
}

async function showHelp(topic: string | undefined, world: World): Promise<number> {
  const { showHelp: show } = await import('./oclif/index.ts');
  return await show(topic, world);
}

async function explain(command: CommandDefinition | undefined, line: CommandLine, world: World): Promise<number> {
  const { runWithOclif } = await import('./oclif/index.ts');
  return await runWithOclif(command, line, world);
}

async function reportFailure(error: unknown, world: World): Promise<number> {
  if (isUsageError(error)) {
    const help = error.command === undefined ? 'fleetctl --help' : `fleetctl ${error.command} --help`;
    world.stderr.write(`Error: ${error.message}\nRun '${help}' for usage.\n`);
    return EXIT_USAGE;
  }
  const { describeFailure } = await import('./commands/index.ts');
  return describeFailure(error, world.stderr);
}
