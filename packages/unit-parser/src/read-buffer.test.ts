import { describe, expect, it } from '@jest/globals';

import { toByteText } from './byte-text.ts';
import { ReadBuffer } from './read-buffer.ts';

describe('ReadBuffer: where things are', () => {
  it.each([
    ['all there', 'a=b\r\n]c', { lf: 4, lineEnd: 3, equals: 1, close: 5 }],
    ['none there: the length of the text', 'abc', { lf: 3, lineEnd: 3, equals: 3, close: 3 }],
    ['nothing before the position counts', '=]\n=]\n', { lf: 5, lineEnd: 5, equals: 3, close: 4 }, 3],
  ])('%s', (_title, text, expected, at = 0) => {
    const buffer = new ReadBuffer(text);
    // Asked before, so that what was found then has to be forgotten.
    buffer.nextLineEnd();
    buffer.nextEquals();
    buffer.nextClose();
    buffer.at = at;
    expect({ lf: buffer.nextLf(), lineEnd: buffer.nextLineEnd(), equals: buffer.nextEquals(), close: buffer.nextClose() }).toEqual(expected);
  });
});

describe('ReadBuffer: whether a line is too long', () => {
  const filled = (text: string, at = 0): ReadBuffer => {
    const buffer = new ReadBuffer(text);
    buffer.readThrough(at);
    buffer.needRune();
    return buffer;
  };

  it.each([
    ['2047 bytes and no more', 'x'.repeat(2047), 0, false],
    ['2048 bytes without an end', 'x'.repeat(2048), 0, true],
    ['a CR is an end', `${'x'.repeat(2047)}\r`, 0, false],
    ['the end is the byte after', `${'x'.repeat(2048)}\n`, 0, true],
    // The original looks at what happens to be buffered: of the second line too little is, at the end of the first 4096 bytes.
    ['a long line that the buffer does not hold yet', `${'x'.repeat(2999)}\n${'y'.repeat(3000)}\n`, 3000, false],
    ['the same line, further to the front', `${'x'.repeat(1999)}\n${'y'.repeat(3000)}\n`, 2000, true],
  ])('%s', (_title, text, at, tooLong) => expect(filled(text, at).isLineTooLong()).toBe(tooLong));

  it('fills anew from a character that the end of the buffer cuts', () => {
    const text = toByteText(`${'x'.repeat(4095)}東${'y'.repeat(2045)}`);
    const buffer = filled(text, 4095);
    expect(buffer.isLineTooLong()).toBe(true);
    const whole = filled(`${'x'.repeat(4095)}z${'y'.repeat(2047)}`, 4095);
    expect(whole.isLineTooLong()).toBe(false);
  });
});
