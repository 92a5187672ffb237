import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { lockInstance } from './instance-lock.ts';

jest.setTimeout(60_000);

let directory: string;
let contenders: ChildProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetd-lock-'));
  contenders = [];
});
afterEach(async () => {
  await Promise.all(contenders.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null).map(kill));
  rmSync(directory, { recursive: true });
});

async function contender(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('testing/lock-contender.ts', import.meta.url)), [directory], { execArgv: ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning'] });
  contenders.push(child);
  await once(child, 'message');
  return child;
}

/** What each says that tries at this moment. */
async function compete(children: readonly ChildProcess[], at: number): Promise<readonly unknown[]> {
  const answers = children.map((child) => once(child, 'message'));
  for (const child of children) child.send(at);
  return (await Promise.all(answers)).map(([answer]: unknown[]) => answer);
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

describe('lockInstance', () => {
  it('refuses a second while the first lives, and lets it in afterwards', () => {
    const unlock = lockInstance(directory);
    expect(() => lockInstance(directory)).toThrow(expect.objectContaining({ code: 'ALREADY_RUNNING', kind: 'conflict', message: `another fleetd (process ${process.pid}) uses ${directory}` }));
    // Whoever was refused has taken nothing away from the first.
    expect(() => lockInstance(directory)).toThrow(expect.objectContaining({ code: 'ALREADY_RUNNING' }));
    unlock();
    lockInstance(directory)();
  });

  it('of many that come at once after one that was killed, one gets in', async () => {
    const waiting = await Promise.all(Array.from({ length: 8 }, contender));
    while (waiting.length > 0) {
      const answers = await compete(waiting, Date.now() + 100);
      expect(answers.filter((answer) => answer === 'taken')).toHaveLength(1);
      expect(answers.filter((answer) => answer !== 'taken' && !/^another fleetd /.test(String(answer)))).toEqual([]);
      const [holder] = waiting.splice(answers.indexOf('taken'), 1);
      expect(await compete(waiting, 0)).toEqual(waiting.map(() => `another fleetd (process ${holder?.pid}) uses ${directory}`));
      await kill(holder as ChildProcess);
    }
  });

  it('does not name a process whose id cannot be read', () => {
    const unlock = lockInstance(directory);
    writeFileSync(join(directory, 'fleetd.pid'), '');
    expect(() => lockInstance(directory)).toThrow(`another fleetd uses ${directory}`);
    unlock();
  });

  it.each([
    { title: 'a directory that is gone', path: () => join(directory, 'gone') },
    { title: 'a lock file that is none', path: () => (writeFileSync(join(directory, 'instance.lock'), 'some text that was put here by hand'.repeat(20)), directory) },
  ])('says what is wrong with $title', ({ path }) => {
    expect(() => lockInstance(path())).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE', remedy: expect.any(String) as unknown }));
  });
});
