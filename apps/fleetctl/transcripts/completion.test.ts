import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { BUNDLE, runBundle } from './run-bundle.ts';
import { useCluster } from './use-cluster.ts';

// Completion is tried in the shells themselves, since each has its own ideas about @, =, backslashes and blanks.

const SCRIPT = '/usr/bin/script';
const required = process.env['FLEET_TEST_REQUIRE_REAL'] === '1';
const SHELLS: Readonly<Record<string, { readonly interactive: string; readonly load: string }>> = {
  bash: { interactive: 'bash --norc --noprofile -i', load: 'source ./script' },
  zsh: { interactive: 'zsh -f -i', load: 'autoload -Uz compinit; compinit -u -D; source ./script' },
};

/** What is typed, the last key being the one that completes, and the words that the shell then has. */
const ROWS: readonly (readonly [what: string, typed: string, words: readonly string[]])[] = [
  ['a command', 'fleetctl list-ma', ['fleetctl', 'list-machines']],
  ['a flag', 'fleetctl --driver etcd start --no-b', ['fleetctl', '--driver', 'etcd', 'start', '--no-block']],
  ['a value', 'fleetctl --driver=e', ['fleetctl', '--driver=etcd']],
  ['another in a list of values', 'fleetctl list-units --fields=unit,ha', ['fleetctl', 'list-units', '--fields=unit,hash']],
  ['the same after a blank', 'fleetctl list-units --fields unit,ma', ['fleetctl', 'list-units', '--fields', 'unit,machine']],
  ['a unit', 'fleetctl stop hel', ['fleetctl', 'stop', 'hello.service']],
  ['a second unit', 'fleetctl stop hello.service web@2', ['fleetctl', 'stop', 'hello.service', 'web@2.service']],
  ['a unit with a backslash', 'fleetctl cat foo', ['fleetctl', 'cat', String.raw`foo\x2dbar.service`]],
  ['the same in quotes', "fleetctl cat 'foo", ['fleetctl', 'cat', String.raw`foo\x2dbar.service`]],
  ['a unit as a value', 'fleetctl ssh --unit web@1', ['fleetctl', 'ssh', '--unit', 'web@1.service']],
  ['a machine', 'fleetctl ssh 111', ['fleetctl', 'ssh', '11111111000000000000000000000001']],
  ['a machine as a value', 'fleetctl ssh --machine=111', ['fleetctl', 'ssh', '--machine=11111111000000000000000000000001']],
  ['a file for a unit', 'fleetctl start loc', ['fleetctl', 'start', 'local.service']],
  ['a file with a blank', 'fleetctl submit a', ['fleetctl', 'submit', 'a file.service']],
  ['the cluster of the line is asked', 'fleetctl --endpoint=unix:///nowhere stop hel', ['fleetctl', '--endpoint=unix:///nowhere', 'stop', 'hel']],
  ['a shell', 'fleetctl completion zs', ['fleetctl', 'completion', 'zsh']],
];

describe('completion', () => {
  const { env: endpoint } = useCluster({ machines: 1 });
  let folder: string;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'completion-'));
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'units'));
    writeFileSync(join(folder, 'bin', 'fleetctl'), `#!/bin/sh\nexec ${process.execPath} ${BUNDLE} "$@"\n`, { mode: 0o755 });
    env = { HOME: folder, TERM: 'xterm', PS1: '$ ', PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`, ...endpoint() };
    const text = '[Service]\nExecStart=/bin/true\n';
    const names = ['hello.service', 'web@1.service', 'web@2.service', String.raw`foo\x2dbar.service`];
    for (const name of names) writeFileSync(join(folder, 'units', name), text);
    for (const name of ['local.service', 'a file.service']) writeFileSync(join(folder, name), text);
    expect(await runBundle(['submit', ...names], { cwd: join(folder, 'units'), env: endpoint() })).toMatchObject({ code: 0, stderr: '' });
  }, 30_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const [shell, { interactive, load }] of Object.entries(SHELLS)) {
    const usable = required || (existsSync(SCRIPT) && spawnSync(shell, ['-c', 'true']).status === 0);
    (usable ? it : it.skip)(
      `in ${shell}${usable ? '' : ' (skipped: it or util-linux script is not installed)'}`,
      async () => {
        writeFileSync(join(folder, 'script'), (await runBundle(['completion', shell])).stdout);
        const child = spawn(SCRIPT, ['-qec', interactive, '/dev/null'], { cwd: folder, env });
        let shown = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
        try {
          // Said in two parts, so that what is typed does not look like what is printed.
          child.stdin.write(`${load}\rshowargs() { printf '<%s>' "$@"; echo E''ND; }\rshowargs ready\r`);
          await waitUntil('the shell', () => shown.includes('<ready>END'), { deadlineMs: 15_000 });
          for (const [what, typed, words] of ROWS) {
            shown = '';
            // Ctrl-A and Ctrl-E: the beginning and the end of the line.
            child.stdin.write(`${typed}\t\u0001showargs \u0005\r`);
            await waitUntil(`${what}: ${typed}`, () => shown.includes('>END') || shown.includes('\n> '), { deadlineMs: 15_000 });
            expect({ what, words: /<.*>(?=END)/.exec(shown)?.[0] }).toEqual({ what, words: words.map((word) => `<${word}>`).join('') });
          }
        } finally {
          child.kill('SIGKILL');
        }
      },
      90_000,
    );
  }

  const fish = required || spawnSync('fish', ['-c', 'true']).status === 0;
  (fish ? it : it.skip)(
    `in fish${fish ? '' : ' (skipped: it is not installed)'}`,
    async () => {
      writeFileSync(join(folder, 'script'), (await runBundle(['completion', 'fish'])).stdout);
      for (const [what, typed, words] of ROWS) {
        // fish tells what it would offer for the last word, without a terminal. The daemon lives in this process, which must not stand still.
        const child = spawn('fish', ['-N', '-c', 'source ./script; complete -C $argv[1]', typed], { cwd: folder, env });
        let [out, err] = ['', ''];
        child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
        child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
        await new Promise((resolve) => child.once('close', resolve));
        const offered = out.split('\n').filter(Boolean).map((line) => line.replace(/\t.*$/, ''));
        const last = words.at(-1) ?? '';
        expect({ what, err, offered }).toEqual({ what, err: '', offered: typed.endsWith(last) ? [] : [last] });
      }
    },
    90_000,
  );
});
