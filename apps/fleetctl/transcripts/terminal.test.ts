import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { BUNDLE, UNITS } from './run-bundle.ts';
import { useCluster } from './use-cluster.ts';

const SCRIPT = '/usr/bin/script';
const usable = process.env['FLEET_TEST_REQUIRE_REAL'] === '1' || existsSync(SCRIPT);
const suite = usable ? describe : describe.skip;

/** A command on a pseudo-terminal, with what it has shown so far. */
class Terminal {
  shown = '';
  code: number | null | undefined;
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>, size?: { readonly columns: number; readonly rows: number }) {
    const command = ['exec', process.execPath, BUNDLE, ...argv].map((word, index) => (index === 0 ? word : `'${word}'`)).join(' ');
    const line = size === undefined ? command : `stty columns ${size.columns} rows ${size.rows}; ${command}`;
    this.child = spawn(SCRIPT, ['-qec', line, '/dev/null'], { cwd: UNITS, env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', LANG: 'C.UTF-8', ...env } });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.shown += text));
    this.child.once('close', (code) => (this.code = code));
  }

  type(text: string): void {
    this.child.stdin.write(text);
  }

  async shows(text: string | RegExp): Promise<void> {
    await waitUntil(`the terminal to show ${String(text)}; it shows ${JSON.stringify(this.shown.slice(-500))}`, () => (typeof text === 'string' ? this.shown.includes(text) : text.test(this.shown)), { deadlineMs: 15_000 });
  }

  /** Ends it, should it still run. */
  [Symbol.dispose](): void {
    if (this.code === undefined) this.child.kill('SIGKILL');
  }

  async ends(): Promise<number | null> {
    return await waitUntil('the command to end', () => (this.code === undefined ? undefined : { code: this.code }), { deadlineMs: 15_000 }).then(({ code }) => code);
  }
}

/** Without what colours and moves. */
function plain(text: string): string {
  return text.replaceAll(/\u001b\[[\d;]*[A-Za-z]/g, '');
}

/** What is left to see on a screen after lines were erased. */
function render(shown: string): string {
  const lines = [''];
  for (const [piece, up] of shown.replaceAll('\r', '').matchAll(/\u001b\[(\d+)A\u001b\[J|\n|\u001b\[[\d;]*m|[^\n\u001b]+/g)) {
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Infinity, '');
    else if (piece === '\n') lines.push('');
    else if (!piece.startsWith('\u001b')) lines.push(`${lines.pop() ?? ''}${piece}`);
  }
  return lines.join('\n').trimEnd();
}

suite(`on a terminal${usable ? '' : ' (skipped: util-linux script is not installed)'}`, () => {
  const { env: endpoint } = useCluster({ machines: 2 });
  let opened: DisposableStack;
  const open = (argv: readonly string[], env: Readonly<Record<string, string>> = {}, size?: { readonly columns: number; readonly rows: number }): Terminal =>
    opened.use(new Terminal(argv, { ...endpoint(), ...env }, size));

  beforeEach(() => {
    opened = new DisposableStack();
  });
  afterEach(() => {
    opened.dispose();
  });

  it('shows what it waits for, and on Ctrl-C says what the cluster was left with', async () => {
    const terminal = open(['start', '--wait', 'pinned.service']);
    await terminal.shows('0 of 2 machines');
    await terminal.shows(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
    terminal.type('\u0003');
    expect(await terminal.ends()).toBe(130);
    await terminal.shows('Interrupted. The cluster goes on towards what was asked: pinned.service launched.');
  });

  it('lists several units with how many are done', async () => {
    const terminal = open(['start', '--wait', 'web@1', 'pinned.service']);
    await terminal.shows('Unit web@1.service launched on');
    await terminal.shows('1 of 2 done');
    terminal.type('\u0003');
    expect(await terminal.ends()).toBe(130);
  });

  it('shows one unit on its way, and nothing of it when it is there', async () => {
    // A second of ExecStartPre keeps it on its way long enough to be seen.
    const terminal = open(['start', 'slow@1']);
    await terminal.shows(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏].* slow@1\.service .*starting \(start-pre\) on \d{8}\.\.\./);
    expect(await terminal.ends()).toBe(0);
    expect(render(terminal.shown)).toMatch(/^Unit slow@1\.service inactive\nUnit slow@1\.service launched on \d{8}\.\.\.\/127\.0\.0\.\d$/);
    expect(terminal.shown).not.toContain('done');
  });

  it.each([
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['a dumb terminal', { TERM: 'dumb' }],
  ])('has neither colours nor unicode with %s', async (_, env) => {
    const terminal = open(['start', `slow@${Object.keys(env).join()}`, 'broken.service'], env);
    expect(await terminal.ends()).toBe(1);
    expect(terminal.shown).toContain(`Unit slow@${Object.keys(env).join()}.service launched on`);
    expect(terminal.shown).toContain('Error waiting for units: unit broken.service failed on');
    expect(terminal.shown).not.toMatch(/\u001b\[[\d;]*m|[^\u0000-\u007f]/);
    if ('TERM' in env) expect(terminal.shown).not.toContain('\u001b');
  });

  it('has no unicode where the locale has none', async () => {
    const terminal = open(['start', '--wait', 'pinned.service'], { LANG: 'C' });
    await terminal.shows('0 of 2 machines');
    terminal.type('\u0003');
    await terminal.ends();
    expect(terminal.shown).not.toMatch(/[^\u0000-\u007f]/);
  });

  it('keeps to one line a unit on a narrow terminal, and to its height on a low one', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `a-name-that-is-wider-than-the-terminal@${index}.service`);
    const folder = mkdtempSync(join(tmpdir(), 'narrow-'));
    try {
      writeFileSync(join(folder, 'a-name-that-is-wider-than-the-terminal@.service'), '[Service]\nExecStart=/bin/true\n[X-Fleet]\nMachineMetadata=nowhere=true\n');
      const terminal = open(['start', '--wait', ...names.map((name) => join(folder, name))], {}, { columns: 30, rows: 6 });
      await terminal.shows('0 of 9 done, 5 more waiting');
      await terminal.shows('\u001b[5A');
      const frame = terminal.shown.slice(terminal.shown.lastIndexOf('\u001b[J')).split('\r\n');
      for (const line of frame) expect(plain(line).length).toBeLessThan(30);
      terminal.type('\u0003');
      expect(await terminal.ends()).toBe(130);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('shows as much of a table as the terminal is high', async () => {
    const terminal = open(['list-unit-files', '--watch', '--fields=unit', 'a-name*'], {}, { columns: 80, rows: 6 });
    await terminal.shows('... 6 more lines');
    terminal.type('\u0003');
    expect(await terminal.ends()).toBe(0);
  });

  it('keeps a table up to date until it is interrupted', async () => {
    const terminal = open(['list-units', '--watch', '--fields=unit,active']);
    await terminal.shows('UNIT');
    const other = open(['start', 'hello.service']);
    expect(await other.ends()).toBe(0);
    await terminal.shows(/hello\.service\t+active/);
    terminal.type('\u0003');
    expect(await terminal.ends()).toBe(0);
  });
});
