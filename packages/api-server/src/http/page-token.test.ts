import { describe, expect, it } from '@jest/globals';
import { cutPage, formatPageToken, parsePageToken } from './page-token.ts';

describe('page tokens', () => {
  it.each([
    [{ size: 100, page: 2 }, 'ZAACAA=='],
    [{ size: 3, page: 2 }, 'AwACAA=='],
    [{ size: 65_535, page: 65_534 }, '___-_w=='],
  ])('%j is %s', (token, text) => {
    expect(formatPageToken(token)).toBe(text);
    expect(parsePageToken([text], token.size)).toEqual({ ok: true, page: token.page });
  });

  it('does not wrap where the original does', () => {
    for (const page of [65_535, 65_536, 1_000_000]) expect(parsePageToken([formatPageToken({ size: 2, page })], 2)).toEqual({ ok: true, page });
  });

  it.each([
    ['none', [], { ok: true, page: 1 }],
    ['two', ['ZAABAA==', 'ZAABAA=='], { ok: false, message: 'too many values for page token' }],
    ['empty', [''], { ok: false, message: 'EOF' }],
    ['short', ['ZAAC'], { ok: false, message: 'unexpected EOF' }],
    ['no base64', ['!!!!'], { ok: false, message: 'illegal base64 data at input byte 0' }],
    ['standard alphabet', ['//8CAA=='], { ok: false, message: 'illegal base64 data at input byte 0' }],
    ['no padding', ['ZAACAA'], { ok: false, message: 'illegal base64 data at input byte 6' }],
    ['too much padding', ['ZAACAA==='], { ok: false, message: 'illegal base64 data at input byte 6' }],
    ['one character too many', ['ZAACA'], { ok: false, message: 'illegal base64 data at input byte 5' }],
    ['line ends inside', ['ZAAC\r\nAA=='], { ok: true, page: 2 }],
    ['other size', ['AwACAA=='], { ok: false, message: 'token limit must be 100' }],
    ['page 0', ['ZAAAAA=='], { ok: false, message: 'token page must be greater than zero' }],
    ['bytes behind', ['ZAACAAECAw=='], { ok: true, page: 2 }],
  ])('reads %s', (_name, values, expected) => {
    expect(parsePageToken(values, 100)).toEqual(expected);
  });

  it.each([
    ['first of two', 1, ['a', 'b'], true],
    ['full last page still has a token', 2, ['c', 'd'], true],
    ['and what it points to is empty', 3, [], false],
    ['past the end', 9, [], false],
  ])('cuts the %s', (_name, page, items, more) => {
    const cut = cutPage(['a', 'b', 'c', 'd'], { size: 2, page });
    expect(cut.items).toEqual(items);
    expect(cut.next !== undefined).toBe(more);
  });
});
