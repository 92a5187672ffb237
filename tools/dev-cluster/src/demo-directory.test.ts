import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createDemoDirectory, shellQuote } from './demo-directory.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleet-dd-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('the directory of a demo', () => {
  it('removes what earlier runs left and keeps what belongs to a running one', () => {
    // No process has this id: it is above what Linux and macOS give.
    mkdirSync(join(root, '.fleet-demo', '99999999'), { recursive: true });
    mkdirSync(join(root, '.fleet-demo', String(process.ppid)));
    const directory = createDemoDirectory(root);
    expect(existsSync(join(root, '.fleet-demo', '99999999'))).toBe(false);
    expect(existsSync(join(root, '.fleet-demo', String(process.ppid)))).toBe(true);
    directory.close();
    expect(existsSync(directory.path)).toBe(true);
    expect(existsSync(directory.bin)).toBe(false);
  });

  it('finds a short way to sockets when the clone lies deep', () => {
    const deep = join(root, 'x'.repeat(60), 'y'.repeat(60));
    const directory = createDemoDirectory(deep);
    expect(Buffer.byteLength(join(directory.machines, 'm1', 'fleet.sock'))).toBeLessThan(104);
    mkdirSync(join(directory.machines, 'm1'));
    expect(existsSync(join(directory.path, 'm1'))).toBe(true);
    directory.close();
    expect(existsSync(directory.machines)).toBe(false);
  });
});

describe('words for the shell', () => {
  it.each([
    ['/a/b-c_1.sock', '/a/b-c_1.sock'],
    ['/my files/x', "'/my files/x'"],
    ["it's", `'it'\\''s'`],
    ['$HOME', "'$HOME'"],
  ])('%s', (word, expected) => {
    expect(shellQuote(word)).toBe(expected);
  });
});
