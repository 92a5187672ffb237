import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repository } from './built.ts';

const page = readFileSync(join(repository, 'docs/operations.md'), 'utf8');
const files = new Map([...page.matchAll(/\*\*([A-Z])\*\*\s+\[[\w-]+\]\(\.\.\/([\w./-]+)\)/g)].map(([, letter = '', path = '']) => [letter, path]));
const rows = page
  .slice(page.indexOf('## When things fail'))
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| event ') && !line.startsWith('| ---'))
  .map((line) => line.split(' | '))
  .map((cells) => ({ event: cells[0]!.slice(2), columns: cells.length, tests: [...cells.at(-1)!.matchAll(/([A-Z]) "([^"]+)"/g)].map(([, letter = '', words = '']) => ({ letter, words })) }));

describe('the failure table of docs/operations.md', () => {
  it('is there, with its files', () => {
    expect(rows.length).toBeGreaterThan(35);
    expect(files.size).toBe(7);
  });

  it.each(rows)('$event: says everything, and the tests that show it exist', ({ columns, tests }) => {
    expect(columns).toBe(5);
    expect(tests.length).toBeGreaterThan(0);
    for (const { letter, words } of tests) {
      const text = readFileSync(join(repository, files.get(letter) ?? `no file has the letter ${letter}`), 'utf8');
      expect(text).toContain(words);
    }
  });
});
