import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { arrange, finding, shown } from './diagnostics.ts';

describe('finding', () => {
  it('has a remedy only if there is one', () => {
    const place = { line: 2, column: 3 };
    expect(finding('quoting', 'warning', place, 'text')).toEqual({ code: 'quoting', severity: 'warning', line: 2, column: 3, message: 'text' });
    expect(finding('quoting', 'warning', place, 'text', 'do')).toHaveProperty('remedy', 'do');
  });
});

describe('arrange', () => {
  const at = (line: number, column: number, message: string): ReturnType<typeof finding> => finding('quoting', 'info', { line, column }, message);

  it.each([
    ['by line, then by column', [at(2, 1, 'c'), at(1, 9, 'b'), at(1, 2, 'a')], 'abc'],
    ['in the order given at one place', [at(1, 1, 'b'), at(1, 1, 'a')], 'ba'],
    ['without saying anything twice', [at(1, 1, 'a'), at(1, 1, 'a'), at(2, 1, 'a')], 'aa'],
  ])('%s', (_title, findings, messages) => {
    expect(arrange(findings).map(({ message }) => message).join('')).toBe(messages);
  });
});

describe('shown', () => {
  it.each([
    ['quotes', 'a "b"', '"a \\"b\\""'],
    ['is one line', 'a\nb', '"a\\nb"'],
    ['cuts what is long', 'x'.repeat(200), `"${'x'.repeat(75)}…"`],
  ])('%s', (_title, text, expected) => expect(shown(text)).toBe(expected));
});

it('every code is described in the README', () => {
  const source = readFileSync(join(import.meta.dirname, 'diagnostics.ts'), 'utf8');
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([a-z0-9-]+)'/gm)].map(([, code]) => code!);
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
});
