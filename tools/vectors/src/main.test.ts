import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const recorded = join(import.meta.dirname, '../../../packages/unit-parser/testdata');
const NO_CASES = '0 passed, 0 failed, 0 departed';
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  for (const name of ['names', 'crlf', 'wrong', 'empty']) mkdirSync(join(folder, name));
  cpSync(join(recorded, 'names.jsonl'), join(folder, 'names/names.jsonl'));
  writeFileSync(join(folder, 'crlf/globs.jsonl'), readFileSync(join(recorded, 'globs.jsonl'), 'utf8').replaceAll('\n', '\r\n'));
  writeFileSync(join(folder, 'wrong/globs.jsonl'), '{"pattern":"a*","name":"b","match":true}\n{"pattern":"a*","name":"b","match":false}\n{"pattern":"a","name":"a"}');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function run(...args: readonly string[]): { readonly status: number | null; readonly lines: readonly string[]; readonly problems: string } {
  const flags = ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
  return { status, lines: stdout.trimEnd().split('\n'), problems: stderr };
}

describe('vectors DIR', () => {
  it.each([
    ['some of the files', 'names', 0, '79 passed, 0 failed, 0 departed'],
    ['lines that end in CR LF', 'crlf', 0, '114 passed, 0 failed, 0 departed'],
    ['a case that differs, one that does not, one that records nothing', 'wrong', 1, '1 passed, 2 failed, 0 departed'],
    ['an empty folder', 'empty', 2, NO_CASES],
    ['a folder that is not there', 'none', 2, NO_CASES],
  ])('%s', (_title, name, status, last) => {
    const ran = run(join(folder, name));
    expect([ran.status, ran.lines.at(-1)]).toEqual([status, last]);
    expect(ran.problems.includes(join(folder, name))).toBe(status === 2);
  });

  it('prints each difference before the last line', () => {
    expect(run(join(folder, 'wrong')).lines.slice(0, -1)).toEqual([
      'failed: globs.jsonl: "a*" on "b"',
      '    match: got false, want true',
      'failed: globs.jsonl: "a" on "a"',
      '    the case records nothing to compare with',
    ]);
  });

  it('says how it is used', () => {
    expect(run().status).toBe(2);
    expect(run().problems).toContain('usage: npm run -s vectors -- DIR');
  });
});
