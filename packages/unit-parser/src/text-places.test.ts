import { describe, expect, it } from '@jest/globals';

import { toByteText } from './byte-text.ts';
import { TextPlaces } from './text-places.ts';

describe('TextPlaces', () => {
  it.each([
    ['the start', 'ab\ncd\n', 0, [1, 1]],
    ['a line end belongs to its line', 'ab\ncd\n', 2, [1, 3]],
    ['the start of a line', 'ab\ncd\n', 3, [2, 1]],
    ['after the last line end', 'ab\ncd\n', 6, [3, 1]],
    ['columns count UTF-16 units, not bytes', 'é東🐳x', 9, [1, 5]],
    ['the same in a later line', 'é\né!', 5, [2, 2]],
  ])('%s', (_title, text, position, [line, column]) => {
    expect(new TextPlaces(toByteText(text)).at(position)).toEqual({ line, column });
  });

  it.each([
    ['nothing', '', ['']],
    ['a line without its end', 'ab', ['ab']],
    ['lines', 'ab\n\ncd\n', ['ab', '', 'cd', '']],
  ])('gives the lines of %s', (_title, text, lines) => {
    expect([...new TextPlaces(text).lines()].map(({ start, end }) => text.slice(start, end))).toEqual(lines);
  });
});
