import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { decodeByteText, decodeRune, decodeText, encodeText, hasLoneSurrogate, isFullRune, toByteText } from './byte-text.ts';

const bytes = (...codes: number[]): Uint8Array => Uint8Array.from(codes);

describe('text and bytes', () => {
  it.each([
    ['ASCII', bytes(0x61, 0x62), 'ab'],
    ['two, three and four bytes', bytes(0xc3, 0xa9, 0xe6, 0x9d, 0xb1, 0xf0, 0x9f, 0x90, 0xb3), 'é東🐳'],
    ['a byte that starts nothing', bytes(0x61, 0x80, 0x62), 'a\udc80b'],
    ['a character cut off', bytes(0xe6, 0x9d), '\udce6\udc9d'],
    ['an overlong form', bytes(0xc0, 0xaf), '\udcc0\udcaf'],
    ['a surrogate in UTF-8', bytes(0xed, 0xa0, 0x80), '\udced\udca0\udc80'],
    ['beyond the last character', bytes(0xf4, 0x90, 0x80, 0x80), '\udcf4\udc90\udc80\udc80'],
    ['a byte order mark', bytes(0xef, 0xbb, 0xbf, 0x61), '\ufeffa'],
  ])('%s', (_title, encoded, text) => {
    expect(decodeText(encoded)).toBe(text);
    expect(encodeText(text)).toEqual(encoded);
    expect(toByteText(text)).toBe(toByteText(encoded));
  });

  it('writes half a character that holds no byte as U+FFFD', () => {
    expect(encodeText('a\ud800b')).toEqual(bytes(0x61, 0xef, 0xbf, 0xbd, 0x62));
    expect(['a', '🐳', '\udc80', '\ud83d'].map(hasLoneSurrogate)).toEqual([false, false, true, true]);
  });

  it('gives one character for each byte of any text, halves of characters included', () => {
    const unit = fc.oneof(fc.nat(0xffff), fc.constantFrom(0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd83d, 0xdc33, 0xdc80, 0xdcff, 0xe000, 0xffff));
    const text = fc.array(unit, { maxLength: 20 }).map((units) => String.fromCharCode(...units));
    fc.assert(fc.property(text, (each) => expect(toByteText(each)).toBe(Buffer.from(encodeText(each)).toString('latin1'))), { numRuns: 500 });
  });

  it('puts another character for each invalid byte if asked', () => {
    expect(decodeByteText('a\xe9\xff', '\ufffd')).toBe('a\ufffd\ufffd');
  });
});

describe('code points', () => {
  it.each([
    ['whole', '\xe6\x9d\xb1', 0x6771, true],
    ['cut off', '\xe6\x9d', -1, false],
    ['cut off after one byte', '\xf0', -1, false],
    ['spoilt', '\xe6a', -1, true],
    ['overlong, seen at the second byte', '\xe0\x80', -1, true],
    ['nothing', '', NaN, false],
  ])('%s', (_title, text, code, full) => {
    expect(isFullRune(text, 0, text.length)).toBe(full);
    if (text !== '') expect(decodeRune(text, 0, text.length)).toBe(code);
  });
});
