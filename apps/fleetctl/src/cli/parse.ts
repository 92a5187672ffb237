import { Flags, type CommandDefinition, type FlagDefinition, type FlagValue } from './definition.ts';
import { UsageError } from './usage-error.ts';

/** A command line taken apart: which command, and its flags in the one form `--name`, `--no-name` or `--name=value`. */
export interface CommandLine {
  /** The word given for the command, if any. */
  readonly word: string | undefined;
  /** Canonical flags. */
  readonly flags: readonly string[];
  readonly args: readonly string[];
  /** Whether help was asked for. */
  readonly help: boolean;
}

const BOOLEANS = new Map<string, boolean>([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false] as const),
]);

function parseBoolean(word: string): boolean | undefined {
  return BOOLEANS.get(word);
}

/** Finds a flag by its name, or by one of its letters. */
export type FlagLookup = (name: string) => FlagDefinition | undefined;

export function flagLookup(...lists: readonly (readonly FlagDefinition[])[]): FlagLookup {
  const byName = new Map<string, FlagDefinition>();
  for (const list of lists) {
    for (const flag of list) for (const name of [flag.name, ...(flag.letters ?? [])]) byName.set(name, flag);
  }
  return (name) => byName.get(name);
}

/**
 * The word that names the command: the first one that is neither a global flag nor the value of one.
 */
export function findCommandWord(argv: readonly string[], globals: FlagLookup): { readonly at: number; readonly word: string } | undefined {
  for (let at = 0; at < argv.length; at += 1) {
    const token = argv[at] ?? '';
    if (token === '--') return undefined;
    if (!token.startsWith('-') || token === '-') return { at, word: token };
    if (token.includes('=')) continue;
    const flag = globals(token.replace(/^--?/, ''));
    if (flag !== undefined && flag.type !== 'boolean') at += 1;
  }
  return undefined;
}

/**
 * Brings flags into one form, as the original's flag library reads them: `--name=value`, `--name value`, `--flag=true`, letters joined (`-fA`).
 * Words it does not know stay as they are, for oclif to name.
 *
 * @throws UsageError for a boolean that is none.
 */
export function canonicalize(argv: readonly string[], lookup: FlagLookup, command: string | undefined): CommandLine {
  const flags: string[] = [];
  const args: string[] = [];
  let help = false;
  for (let at = 0; at < argv.length; at += 1) {
    const token = argv[at] ?? '';
    if (token === '--') {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (!token.startsWith('-') || token === '-') {
      args.push(token);
      continue;
    }
    if (token === '-h' || token === '--help' || token === '--h') {
      help = true;
      continue;
    }
    const equals = token.indexOf('=');
    const name = (equals === -1 ? token : token.slice(0, equals)).replace(/^--?/, '');
    const short = !token.startsWith('--');
    const flag = short && name.length !== 1 ? undefined : lookup(name);
    if (flag === undefined) {
      const letters = short && equals === -1 ? Array.from(name, (letter) => lookup(letter)) : [];
      if (letters.length > 1 && letters.every((letter) => letter?.type === 'boolean')) flags.push(...letters.map((letter) => `--${letter?.name ?? ''}`));
      else flags.push(token);
    } else if (flag.type === 'boolean') {
      const value = equals === -1 ? true : parseBoolean(token.slice(equals + 1));
      if (value === undefined) throw invalidArgument(flag, token.slice(equals + 1), 'must be true or false', command);
      flags.push(value ? `--${flag.name}` : `--no-${flag.name}`);
    } else if (equals !== -1) {
      flags.push(`--${flag.name}=${token.slice(equals + 1)}`);
    } else {
      at += 1;
      const value = argv[at];
      flags.push(value === undefined ? `--${flag.name}` : `--${flag.name}=${value}`);
    }
  }
  return { word: command, flags: lastOfEach(flags), args, help };
}

/** Of a flag that is given a value more than once the last one counts, which oclif would refuse. */
function lastOfEach(flags: readonly string[]): string[] {
  const nameOf = (token: string): string => token.slice(0, token.indexOf('=') + 1);
  return flags.filter((token, at) => nameOf(token) === '' || !flags.slice(at + 1).some((later) => nameOf(later) === nameOf(token)));
}

function invalidArgument(flag: FlagDefinition, value: string, why: string, command: string | undefined): UsageError {
  return new UsageError(`invalid argument ${JSON.stringify(value)} for --${flag.name}=${value}: ${why}`, command);
}

/** Raw values as a parser found them: text, or whether a boolean is on. */
export type RawFlags = ReadonlyMap<string, string | boolean>;

/** Reads canonical flags; `undefined` when there is anything it does not know, which is then oclif's to explain. */
export function readCanonicalFlags(flags: readonly string[], lookup: FlagLookup): RawFlags | undefined {
  const raw = new Map<string, string | boolean>();
  for (const token of flags) {
    if (!token.startsWith('--')) return undefined;
    const equals = token.indexOf('=');
    const name = token.slice(2, equals === -1 ? undefined : equals);
    const flag = lookup(name);
    if (flag !== undefined) {
      if ((flag.type === 'boolean') !== (equals === -1)) return undefined;
      raw.set(flag.name, equals === -1 ? true : token.slice(equals + 1));
      continue;
    }
    const negated = name.startsWith('no-') && equals === -1 ? lookup(name.slice(3)) : undefined;
    if (negated?.type !== 'boolean') return undefined;
    raw.set(negated.name, false);
  }
  return raw;
}

/** Name of the environment variable of a global flag. */
export function environmentName(flag: FlagDefinition): string {
  return `FLEETCTL_${flag.name.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * Values of all flags: the command line, else for global ones the environment, else the default. In the environment, what is empty or cannot
 * be read is ignored, as in the original.
 *
 * @throws UsageError for a number that is none.
 */
export function resolveFlags(command: CommandDefinition, globals: readonly FlagDefinition[], raw: RawFlags, env: NodeJS.ProcessEnv): Flags {
  const values = new Map<string, FlagValue>();
  const given = new Set<string>();
  const set = (flag: FlagDefinition, isGlobal: boolean): void => {
    const fromLine = raw.get(flag.name);
    if (fromLine !== undefined) {
      const value = convert(flag, fromLine);
      if (value === undefined) throw invalidArgument(flag, String(fromLine), 'must be a number', command.name);
      values.set(flag.name, value);
      given.add(flag.name);
      return;
    }
    const fromEnvironment = isGlobal ? (env[environmentName(flag)] ?? '') : '';
    const value = fromEnvironment === '' ? undefined : convert(flag, fromEnvironment);
    values.set(flag.name, value ?? flag.default);
    if (value !== undefined) given.add(flag.name);
  };
  for (const flag of globals) set(flag, true);
  for (const flag of command.flags) set(flag, false);
  return new Flags(values, given);
}

function convert(flag: FlagDefinition, value: string | boolean): FlagValue | undefined {
  switch (flag.type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : parseBoolean(value);
    case 'string':
      return String(value);
    case 'int':
      return /^[+-]?\d{1,15}$/.test(String(value)) ? Number(value) : undefined;
    case 'float':
      return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(String(value)) ? Number(value) : undefined;
  }
}
