import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockInstance } from './instance-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetd-lock-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('lockInstance', () => {
  it('refuses a second process while the first lives, and lets it in afterwards', () => {
    const unlock = lockInstance(directory, process.ppid);
    expect(() => lockInstance(directory)).toThrow(expect.objectContaining({ code: 'ALREADY_RUNNING', message: `another fleetd (process ${process.ppid}) uses ${directory}` }));
    unlock();
    lockInstance(directory)();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    { title: 'of a process that is gone', content: '999999999 1' },
    { title: 'of a process whose id is used again', content: `${process.pid} 1` },
    { title: 'that is torn', content: '' },
  ])('takes over a lock $title', ({ content }) => {
    writeFileSync(join(directory, 'fleetd.lock'), content);
    lockInstance(directory)();
    expect(readdirSync(directory)).toEqual([]);
  });
});
