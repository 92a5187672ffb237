import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareBytes, sortByName, sortBytes } from './order.ts';

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('byte order', () => {
  it.each([
    ['upper case before lower case', ['b', 'B', 'a', 'A'], ['A', 'B', 'a', 'b']],
    ['a hyphen before a dot', ['db.service', 'db-side.service'], ['db-side.service', 'db.service']],
    ['text, not numbers', ['9', '100', '10'], ['10', '100', '9']],
    ['a prefix first', ['ab', 'a', ''], ['', 'a', 'ab']],
    ['astral after U+FFFD, unlike UTF-16', ['\u{1F600}', '\uFFFD', '\uE000'], ['\uE000', '\uFFFD', '\u{1F600}']],
  ])('%s', (_name, given, sorted) => expect(sortBytes(given)).toEqual(sorted));

  it('is that of the bytes for any two texts', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(fc.property(text, text, (a, b) => expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(byBytes(a, b)))));
  });

  it('is that of the bytes for lists of names', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\uFFFD', '\u{1F600}') })), (names) => {
        expect(sortByName(names.map((name) => ({ name }))).map(({ name }) => name)).toEqual([...names].sort(byBytes));
      }),
    );
  });
});
