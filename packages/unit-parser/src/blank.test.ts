import { describe, expect, it } from '@jest/globals';

import { blankLengthAt, dropBlanks, isBlank, skipBlanks, splitAtBlanks, trimBlanks } from './blank.ts';
import { toByteText } from './byte-text.ts';

const BLANKS = [
  0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028,
  0x2029, 0x202f, 0x205f, 0x3000,
];

describe('blanks', () => {
  it('are those of the original, no more and no less', () => {
    expect(Array.from({ length: 0x10000 }, (_, code) => code).filter(isBlank)).toEqual(BLANKS);
  });

  it.each(BLANKS)('U+%i is trimmed from text and bytes', (code) => {
    const char = String.fromCodePoint(code);
    expect(trimBlanks(`${char}a${char}b${char}${char}`)).toBe(`a${char}b`);
    const bytes = toByteText(`${char}a${char}`);
    const from = skipBlanks(bytes, 0, bytes.length);
    expect(bytes.slice(from, dropBlanks(bytes, from, bytes.length))).toBe('a');
    expect(blankLengthAt(bytes, 0, bytes.length)).toBe((bytes.length - 1) / 2);
  });

  it.each([0x1c, 0x1f, 0x180e, 0x200b, 0xfeff])('U+%i stays', (code) => {
    const text = `${String.fromCodePoint(code)}a`;
    expect(trimBlanks(text)).toBe(text);
  });

  it('bytes that are no character are none', () => {
    expect(dropBlanks('a\x85', 0, 2)).toBe(2);
    expect(skipBlanks('\xa0a', 0, 2)).toBe(0);
    expect(dropBlanks('\x80\x80', 0, 2)).toBe(2);
  });

  it('split words', () => {
    expect(splitAtBlanks(' a\tb\u00a0\u3000c ')).toEqual(['a', 'b', 'c']);
    expect(splitAtBlanks(' \n')).toEqual([]);
    expect(splitAtBlanks('a')).toEqual(['a']);
  });
});
