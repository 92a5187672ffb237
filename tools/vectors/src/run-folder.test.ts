import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { runEach } from './run-each.ts';
import { FolderError, runFolder, type Runners } from './run-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vectors-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const doubles: Runners = {
  'doubles.jsonl': async () => ({
    runner: runEach(
      'doubles.jsonl',
      (fields) => fields.string('id'),
      (fields) => {
        if (fields.get('rule') !== undefined) return { kind: 'departed', difference: 'another number', rule: fields.string('rule') };
        return Number(fields.get('a')) * 2 === fields.get('b') ? { kind: 'passed' } : { kind: 'failed', difference: `got ${Number(fields.get('a')) * 2}` };
      },
    ),
  }),
};

async function run(lines: readonly unknown[], file = 'doubles.jsonl'): Promise<{ counts: unknown; printed: string }> {
  await writeFile(join(folder, file), lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  const printed: string[] = [];
  const counts = await runFolder(folder, doubles, (line) => {
    printed.push(line);
  });
  return { counts, printed: printed.join('\n') };
}

describe('runFolder', () => {
  it('counts and prints what differs', async () => {
    const { counts, printed } = await run([{ id: 'good', a: 1, b: 2 }, { id: 'bad', a: 1, b: 3 }, { id: 'meant', rule: 'ours', tags: ['quirk'] }, '']);
    expect(counts).toEqual({ passed: 1, failed: 1, departed: 1 });
    expect(printed).toBe(
      ['failed: doubles.jsonl: bad', '    got 2', 'departed: doubles.jsonl: meant', '    another number', '    rule: ours'].join('\n'),
    );
  });

  it.each([
    ['without a mark', {}, { passed: 0, failed: 1, departed: 0 }],
    ['with another tag', { tags: ['real'] }, { passed: 0, failed: 1, departed: 0 }],
    ['of a quirk', { tags: ['quirk'] }, { passed: 0, failed: 0, departed: 1 }],
    ['of a defect', { match: 'defect' }, { passed: 0, failed: 0, departed: 1 }],
  ])('lets no case depart that is not marked: %s', async (_title, mark, expected) => {
    expect((await run([{ id: 'x', rule: 'ours', ...mark }])).counts).toEqual(expected);
  });

  it.each([
    ['a line that is not JSON', ['{'], 'line 1'],
    ['a case that is no object', [[1]], 'the case is not a JSON object'],
    ['a field that is missing', [{ a: 1 }], 'field "id" is not a string'],
  ])('counts %s as failed', async (_title, lines, message) => {
    const { counts, printed } = await run(lines);
    expect(counts).toEqual({ passed: 0, failed: 1, departed: 0 });
    expect(printed).toContain(message);
  });

  it('does not overlook a file that nobody can run', async () => {
    const { counts, printed } = await run([{ id: 'x' }], 'triples.jsonl');
    expect(counts).toEqual({ passed: 0, failed: 1, departed: 0 });
    expect(printed).toContain('no runner for this file');
  });

  it('refuses a folder that is not there or holds nothing to run', async () => {
    const print = (): void => undefined;
    await expect(runFolder(join(folder, 'none'), doubles, print)).rejects.toThrow(FolderError);
    await expect(runFolder(folder, doubles, print)).rejects.toThrow('holds no *.jsonl file');
  });
});
