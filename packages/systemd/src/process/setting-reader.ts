import { constants } from 'node:os';

import type { UnitSetting, UnitText } from '../unit-text.ts';
import { lastOf, listOf } from '../unit-text.ts';
import { parseCommandLine, type Command } from './command-line.ts';
import { ownUser } from './own-user.ts';
import type { ExitStatusSet, OutputTarget } from './service-spec.ts';
import { expandSpecifiers, type SpecifierContext } from './specifiers.ts';
import { parseTimeSpan } from './time-span.ts';
import { splitWords } from './words.ts';

/** Why a unit cannot be run as processes; one per line that is to blame. */
export interface Refusal {
  readonly option: string;
  readonly line: number;
  readonly problem: string;
  readonly remedy: string;
}

const ON_SYSTEMD = 'run the unit on a machine with systemd, or leave the option out';
const TRUE_WORDS = ['1', 'yes', 'y', 'true', 't', 'on'];
const FALSE_WORDS = ['0', 'no', 'n', 'false', 'f', 'off'];

/** Reads typed values of a service file, collecting refusals instead of stopping at the first. */
export class SettingReader {
  readonly refusals: Refusal[] = [];
  readonly #unit: UnitText;
  readonly #context: SpecifierContext;

  constructor(unit: UnitText, context: SpecifierContext) {
    this.#unit = unit;
    this.#context = context;
  }

  refuse(setting: UnitSetting, problem: string, remedy = ON_SYSTEMD): void {
    this.refusals.push({ option: `${setting.name}=`, line: setting.line, problem, remedy });
  }

  last(name: string, section = 'Service'): UnitSetting | undefined {
    const setting = lastOf(this.#unit, section, name);
    return setting?.value === '' ? undefined : setting;
  }

  all(name: string, section = 'Service'): readonly UnitSetting[] {
    return listOf(this.#unit, section, name);
  }

  expand(setting: UnitSetting, text = setting.value): string {
    return this.#try(setting, () => expandSpecifiers(text, this.#context)) ?? '';
  }

  words(name: string, section = 'Service'): readonly { readonly word: string; readonly setting: UnitSetting }[] {
    return this.all(name, section).flatMap((setting) => (this.#try(setting, () => splitWords(setting.value)) ?? []).map((word) => ({ word: this.expand(setting, word), setting })));
  }

  commands(name: string): readonly Command[] {
    return this.all(name).flatMap((setting) => this.#try(setting, () => parseCommandLine(setting.value, this.#context)) ?? []);
  }

  flag(name: string, otherwise: boolean): boolean {
    const setting = this.last(name);
    if (setting === undefined) return otherwise;
    const word = setting.value.toLowerCase();
    if (TRUE_WORDS.includes(word)) return true;
    if (!FALSE_WORDS.includes(word)) this.refuse(setting, `${JSON.stringify(setting.value)} is neither yes nor no`, 'write yes or no');
    return false;
  }

  /** One of the given words; others are refused by name. */
  choice<T extends string>(name: string, otherwise: T, choices: readonly T[], section = 'Service'): T {
    const setting = this.last(name, section);
    if (setting === undefined) return otherwise;
    const found = choices.find((choice) => choice === setting.value);
    if (found === undefined) this.refuse(setting, `${JSON.stringify(setting.value)} is not available here, only ${choices.join(', ')}`);
    return found ?? otherwise;
  }

  /** Milliseconds of the last of several spellings. */
  span(names: readonly string[], otherwise: number, options: { readonly zeroIsNever?: boolean; readonly section?: string } = {}): number {
    const found = names.map((name) => this.last(name, options.section)).filter((setting) => setting !== undefined);
    const setting = found.sort((a, b) => a.line - b.line).at(-1);
    if (setting === undefined) return otherwise;
    const ms = parseTimeSpan(this.expand(setting));
    if (ms === undefined) this.refuse(setting, `${JSON.stringify(setting.value)} is not a time span`, 'write seconds, or something like 1min 30s, or infinity');
    return ms === 0 && options.zeroIsNever === true ? Infinity : (ms ?? otherwise);
  }

  count(name: string, otherwise: number, section: string): number {
    const setting = this.last(name, section);
    if (setting === undefined) return otherwise;
    if (!/^\d{1,9}$/.test(setting.value)) this.refuse(setting, `${JSON.stringify(setting.value)} is not a number`, 'write a whole number');
    return Number(setting.value) || 0;
  }

  signal(name: string, otherwise: NodeJS.Signals): NodeJS.Signals {
    const setting = this.last(name);
    if (setting === undefined) return otherwise;
    const signal = signalName(setting.value);
    if (signal === undefined) this.refuse(setting, `${JSON.stringify(setting.value)} is not a signal of this system`, 'write a name such as SIGTERM, or its number');
    return signal ?? otherwise;
  }

  exitStatuses(name: string): ExitStatusSet {
    const codes = new Set<number>();
    const signals = new Set<string>();
    for (const { word, setting } of this.words(name)) {
      const signal = /^\d/.test(word) ? undefined : signalName(word);
      const code = /^\d{1,3}$/.test(word) ? Number(word) : EXIT_NAMES[word.replace(/^EXIT_/, '')];
      if (code !== undefined && code <= 255) codes.add(code);
      else if (signal !== undefined) signals.add(signal);
      else this.refuse(setting, `${JSON.stringify(word)} is neither an exit code nor a signal`, 'write codes from 0 to 255 or names such as SIGKILL or TEMPFAIL');
    }
    return { codes, signals };
  }

  assignments(name: string): Record<string, string> {
    const variables: Record<string, string> = {};
    for (const { word, setting } of this.words(name)) {
      const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word);
      if (match?.[1] === undefined) this.refuse(setting, `${JSON.stringify(word)} is not an assignment`, 'write NAME=value, in quotes if there are blanks');
      else variables[match[1]] = match[2] ?? '';
    }
    return variables;
  }

  /** Absolute paths, each with an optional `-` for "may be missing". */
  paths(settings: readonly UnitSetting[]): readonly { readonly path: string; readonly mayBeMissing: boolean }[] {
    return settings.flatMap((setting) => {
      const mayBeMissing = setting.value.startsWith('-');
      const path = this.expand(setting, mayBeMissing ? setting.value.slice(1) : setting.value);
      if (path.startsWith('/')) return [{ path, mayBeMissing }];
      this.refuse(setting, `${JSON.stringify(path)} is not an absolute path`, 'write the whole path, from / on');
      return [];
    });
  }

  output(name: string, inherited: OutputTarget): OutputTarget {
    const setting = this.last(name);
    if (setting === undefined) return name === 'StandardError' ? { kind: 'same' } : { kind: 'log' };
    const value = this.expand(setting);
    if (value === 'inherit') return inherited;
    if (value === 'null') return { kind: 'null' };
    if (['journal', 'syslog', 'kmsg'].includes(value.replace(/\+console$/, ''))) return { kind: 'log' };
    const file = /^(file|append|truncate):(\/.*)$/.exec(value);
    if (file?.[2] !== undefined) return { kind: 'file', path: file[2], mode: file[1] === 'file' ? 'write' : file[1] === 'append' ? 'append' : 'truncate' };
    this.refuse(setting, `output to ${JSON.stringify(value)} is not available here`, 'use journal, null, inherit, or file:, append: or truncate: with an absolute path');
    return { kind: 'null' };
  }

  /** Refuses a user or group other than our own. */
  identity(name: 'User' | 'Group'): void {
    const setting = this.last(name);
    if (setting === undefined) return;
    const { uid, gid, username } = ownUser();
    const wanted = this.expand(setting);
    const own = name === 'User' ? [String(uid), username] : [String(gid), ...(gid === 0 ? ['root', 'wheel'] : [username])];
    if (!own.includes(wanted)) this.refuse(setting, `units run as ${username} here, not as ${JSON.stringify(wanted)}`);
  }

  #try<T>(setting: UnitSetting, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.refuse(setting, error instanceof Error ? error.message : String(error), 'correct the line; see systemd.service(5) for its syntax');
      return undefined;
    }
  }
}

function signalName(text: string): NodeJS.Signals | undefined {
  const name = /^\d+$/.test(text)
    ? Object.entries(constants.signals).find(([, number]) => number === Number(text))?.[0]
    : [text, `SIG${text}`].find((candidate) => candidate in constants.signals);
  return name as NodeJS.Signals | undefined;
}

/** Names of exit codes from sysexits.h and systemd.exec(5). */
const EXIT_NAMES: Readonly<Record<string, number>> = {
  SUCCESS: 0,
  FAILURE: 1,
  INVALIDARGUMENT: 2,
  NOTIMPLEMENTED: 3,
  NOPERMISSION: 4,
  NOTINSTALLED: 5,
  NOTCONFIGURED: 6,
  NOTRUNNING: 7,
  USAGE: 64,
  DATAERR: 65,
  NOINPUT: 66,
  NOUSER: 67,
  NOHOST: 68,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  OSERR: 71,
  OSFILE: 72,
  CANTCREAT: 73,
  IOERR: 74,
  TEMPFAIL: 75,
  PROTOCOL: 76,
  NOPERM: 77,
  CONFIG: 78,
};
