import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { CommandDefinition } from '../src/cli/definition.ts';
import { canonicalize, findCommandWord, flagLookup } from '../src/cli/parse.ts';
import { findCommand } from '../src/cli/find-command.ts';
import { globalFlags } from '../src/definitions/globals.ts';
import { commands } from '../src/definitions/index.ts';
import { parseTranscript } from './transcript.ts';

// Whoever adds a command or a flag has to show in a transcript what it prints. What a transcript cannot show, since it needs an SSH server, a
// terminal, an etcd or an end by hand, is shown by the test named here.

const SHOWN_ELSEWHERE: Readonly<Record<string, string>> = {
  'journal --follow': 'output.test.ts',
  'journal --ssh-port': 'ssh.test.ts',
  'journal --sudo': 'ssh.test.ts',
  'list-machines --watch': 'live.test.ts',
  'list-unit-files --watch': 'live.test.ts',
  'list-units --watch': 'live.test.ts',
  'ssh --forward-agent': 'ssh.test.ts',
  'ssh --ssh-port': 'ssh.test.ts',
  'status --ssh-port': 'ssh.test.ts',
  '--etcd-key-prefix': 'bundle.test.ts',
  '--known-hosts-file': 'ssh.test.ts',
  '--ssh-timeout': 'ssh.test.ts',
  '--ssh-username': 'ssh.test.ts',
  '--strict-host-key-checking': 'ssh.test.ts',
  '--tunnel': 'ssh.test.ts',
};

/** Commands whose success a transcript cannot show. */
const SUCCEEDS_ELSEWHERE: Readonly<Record<string, string>> = { completion: 'completion.test.ts', 'fd-forward': 'bundle.test.ts', ssh: 'ssh.test.ts' };
const CANNOT_FAIL: ReadonlySet<string> = new Set(['version']);

interface Shown {
  readonly command: string;
  readonly flags: readonly string[];
  readonly code: number;
}

const globals = flagLookup(globalFlags);

function readShown(file: string): Shown[] {
  return parseTranscript(readFileSync(file, 'utf8')).flatMap(({ argv, expected }) => {
    const found = findCommandWord(argv, globals);
    if (found === undefined) return [];
    const command = commandOf(found.word);
    if (command === undefined) return [];
    const flags = readFlags(argv.toSpliced(found.at, 1), flagLookup(globalFlags, command.flags));
    return [{ command: command.name, flags, code: Number(/\[(\d+)\]\n$/.exec(expected)?.[1]) }];
  });
}

function commandOf(word: string): CommandDefinition | undefined {
  try {
    return findCommand(word, commands);
  } catch {
    return undefined;
  }
}

/** Names of the flags, in whatever spelling, even where a value makes no sense. */
function readFlags(argv: readonly string[], lookup: ReturnType<typeof flagLookup>): readonly string[] {
  try {
    const { flags, help } = canonicalize(argv, lookup, undefined);
    return [...flags.map((flag) => lookup(flag.slice(2).replace(/=.*$/s, ''))?.name ?? lookup(flag.slice(2).replace(/^no-/, ''))?.name ?? ''), ...(help ? ['help'] : [])];
  } catch {
    return [];
  }
}

const folders = ['testdata', 'testdata/original'].map((folder) => join(import.meta.dirname, folder));
const shown = folders.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.txt')).flatMap((name) => readShown(join(folder, name))));

/** Whether a test gives the flag, as one or by its variable. */
function isGivenIn(file: string, flag: string): boolean {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8');
  return text.includes(`--${flag}`) || text.includes(`FLEETCTL_${flag.toUpperCase().replaceAll('-', '_')}`);
}

function expectShown(name: string, flag: string, steps: readonly Shown[]): void {
  const elsewhere = SHOWN_ELSEWHERE[name];
  if (elsewhere === undefined) expect(steps.filter((step) => step.flags.includes(flag))).not.toEqual([]);
  else expect({ elsewhere, given: isGivenIn(elsewhere, flag) }).toEqual({ elsewhere, given: true });
}

describe('what is shown to be printed', () => {
  for (const { name, flags } of commands) {
    const steps = shown.filter((step) => step.command === name);
    for (const flag of flags) it(`${name} --${flag.name}`, () => expectShown(`${name} --${flag.name}`, flag.name, steps));
    it(`${name} that succeeds`, () => {
      const elsewhere = SUCCEEDS_ELSEWHERE[name];
      if (elsewhere === undefined) expect(steps.filter((step) => step.code === 0)).not.toEqual([]);
      else expect(readFileSync(join(import.meta.dirname, elsewhere), 'utf8')).toContain(`['${name}'`);
    });
    if (!CANNOT_FAIL.has(name)) it(`${name} that fails`, () => expect(steps.filter((step) => step.code !== 0)).not.toEqual([]));
  }
  for (const flag of globalFlags) it(`--${flag.name}`, () => expectShown(`--${flag.name}`, flag.name, shown));
  it('nothing is said to be shown elsewhere that no longer exists', () => {
    const all = [...commands.flatMap(({ name, flags }) => flags.map((flag) => `${name} --${flag.name}`)), ...globalFlags.map((flag) => `--${flag.name}`)];
    expect(Object.keys(SHOWN_ELSEWHERE).filter((each) => !all.includes(each))).toEqual([]);
  });
});
