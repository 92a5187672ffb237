import { describe, expect, it } from '@jest/globals';

import { parseUnitFile } from './lexer.ts';
import { locateOptions } from './located.ts';
import { formatUnitFile } from './unit-file.ts';

describe('locateOptions', () => {
  it.each<[string, [string, string, string][], number[]]>([
    ['nothing', [], []],
    ['one section', [['A', 'B', '1'], ['A', 'C', '2']], [2, 3]],
    ['two sections, with a blank line between', [['A', 'B', '1'], ['C', 'D', '2']], [2, 5]],
    ['sections that alternate are written together', [['A', 'B', '1'], ['C', 'D', '2'], ['A', 'E', '3']], [2, 6, 3]],
    ['folded values take several lines', [['A', 'B', '1 \\\n 2 \\\n 3'], ['A', 'C', '4']], [2, 5]],
  ])('%s', (_title, triples, lines) => {
    const options = triples.map(([section, name, value]) => ({ section, name, value }));
    const located = locateOptions(options);
    expect(located.map(({ line, column }) => [line, column])).toEqual(lines.map((line) => [line, 1]));
    const read = parseUnitFile(formatUnitFile(options));
    const byLine = [...located].sort((a, b) => a.line - b.line);
    expect(read.ok ? read.options : null).toEqual(byLine);
  });
});
