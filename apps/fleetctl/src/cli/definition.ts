import type { Context } from './context.ts';

export type FlagType = 'boolean' | 'string' | 'int' | 'float';
export type FlagValue = boolean | string | number;

/** A flag, as the parsers, the help and the completion all read it. */
export interface FlagDefinition {
  readonly name: string;
  readonly type: FlagType;
  readonly default: FlagValue;
  /** What it does; ends without a full stop. */
  readonly summary: string;
  /** One-letter forms: `f` is taken as `-f` and, as in the original, as `--f`. */
  readonly letters?: readonly string[];
  /** Words that completion offers. */
  readonly values?: readonly string[];
  /** Several values go together, separated by commas. */
  readonly list?: boolean;
  /** Takes the name of a file or folder, for completion. */
  readonly file?: boolean;
}

/** What the arguments of a command are, for completion. */
export type ArgumentKind = 'none' | 'unit' | 'unit-file' | 'machine' | 'file' | 'command' | 'shell';

/** One command: everything about it but its work, which is loaded when it is called. */
export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  /** What follows `fleetctl` in the help. */
  readonly usage: string;
  readonly description: string;
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [commandLine: string, does: string])[];
  readonly flags: readonly FlagDefinition[];
  readonly arguments: ArgumentKind;
  readonly load: () => Promise<CommandModule>;
}

export interface CommandModule {
  /** Does the work and returns the exit code. */
  readonly run: (context: Context, flags: Flags, args: readonly string[]) => Promise<number> | number;
}

/** Values of all flags of a command and of the global ones. */
export class Flags {
  private readonly values: ReadonlyMap<string, FlagValue>;
  private readonly given: ReadonlySet<string>;

  constructor(values: ReadonlyMap<string, FlagValue>, given: ReadonlySet<string>) {
    this.values = values;
    this.given = given;
  }

  text(name: string): string {
    return String(this.value(name));
  }

  on(name: string): boolean {
    return this.value(name) === true;
  }

  number(name: string): number {
    return Number(this.value(name));
  }

  /** Whether the command has the flag at all. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** Whether the command line or the environment set it. */
  isGiven(name: string): boolean {
    return this.given.has(name);
  }

  private value(name: string): FlagValue {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`no flag ${name}`);
    return value;
  }
}

export function booleanFlag(name: string, summary: string, more: Partial<FlagDefinition> = {}): FlagDefinition {
  return { name, type: 'boolean', default: false, summary, ...more };
}

export function stringFlag(name: string, defaultValue: string, summary: string, more: Partial<FlagDefinition> = {}): FlagDefinition {
  return { name, type: 'string', default: defaultValue, summary, ...more };
}

export function intFlag(name: string, defaultValue: number, summary: string, more: Partial<FlagDefinition> = {}): FlagDefinition {
  return { name, type: 'int', default: defaultValue, summary, ...more };
}
