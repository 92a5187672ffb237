import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { createInProcessCluster, type InProcessCluster } from '@fleet/testkit';
import { BUNDLE } from './run-bundle.ts';

const SCRIPT = '/usr/bin/script';
const usable = process.env['FLEET_TEST_REQUIRE_REAL'] === '1' || existsSync(SCRIPT);
const suite = usable ? describe : describe.skip;

/** A command on a pseudo-terminal, with what it has shown so far. */
class Terminal {
  shown = '';
  code: number | null | undefined;
  private readonly child: ChildProcessWithoutNullStreams;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>) {
    const line = ['exec', process.execPath, BUNDLE, ...argv].map((word, index) => (index === 0 ? word : `'${word}'`)).join(' ');
    this.child = spawn(SCRIPT, ['-qec', line, '/dev/null'], { cwd: join(import.meta.dirname, 'units'), env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', LANG: 'C.UTF-8', ...env } });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.shown += text));
    this.child.once('close', (code) => (this.code = code));
  }

  type(text: string): void {
    this.child.stdin.write(text);
  }

  async shows(text: string | RegExp): Promise<void> {
    await waitUntil(`the terminal to show ${String(text)}; it shows ${JSON.stringify(this.shown.slice(-500))}`, () => (typeof text === 'string' ? this.shown.includes(text) : text.test(this.shown)), { deadlineMs: 15_000 });
  }

  async ends(): Promise<number | null> {
    return await waitUntil('the command to end', () => (this.code === undefined ? undefined : { code: this.code }), { deadlineMs: 15_000 }).then(({ code }) => code);
  }
}

suite(`on a terminal${usable ? '' : ' (skipped: util-linux script is not installed)'}`, () => {
  let cluster: InProcessCluster;
  const open = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Terminal => new Terminal(argv, { FLEETCTL_ENDPOINT: `unix://${cluster.machines[0]?.socketPath ?? ''}`, ...env });

  beforeAll(async () => {
    cluster = await createInProcessCluster({ machines: 2, agentTtlMs: 10_000, version: '1.0.0' });
  }, 30_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
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

  it('has no colours with NO_COLOR, and no unicode where the locale has none', async () => {
    const terminal = open(['start', '--wait', 'pinned.service'], { NO_COLOR: '1', LANG: 'C' });
    await terminal.shows('0 of 2 machines');
    terminal.type('\u0003');
    await terminal.ends();
    expect(terminal.shown).not.toMatch(/\u001b\[\d+m/);
    expect(terminal.shown).not.toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
  });

  it('keeps a table up to date until it is interrupted', async () => {
    const terminal = open(['list-units', '--watch', '--fields=unit,active']);
    await terminal.shows('UNIT');
    const other = open(['start', 'hello.service']);
    expect(await other.ends()).toBe(0);
    await terminal.shows(/hello\.service\tactive/);
    terminal.type('\u0003');
    expect(await terminal.ends()).toBe(0);
  });
});
