import { describe, expect, it } from '@jest/globals';

import { firstRune, quoteRune, quoteText } from './quote.ts';

describe('quoting as Go prints it', () => {
  it.each([
    ['plain', 'a.service', '"a.service"'],
    ['quotes and backslashes', 'a"b\\c', '"a\\"b\\\\c"'],
    ['an apostrophe', "it's", '"it\'s"'],
    ['line ends and tabs', 'a\r\n\tb', '"a\\r\\n\\tb"'],
    ['other controls', '\0\x1b\x7f', '"\\x00\\x1b\\x7f"'],
    ['letters beyond ASCII', 'é東', '"é東"'],
    ['blanks beyond ASCII', '\u00a0\u2028', '"\\u00a0\\u2028"'],
    ['what is not assigned, beyond the first plane', '\u{e0080}', '"\\U000e0080"'],
    ['bytes that are not UTF-8', 'a\udce9', '"a\\xe9"'],
  ])('%s', (_title, text, quoted) => {
    expect(quoteText(text)).toBe(quoted);
  });

  it.each([
    ['/', "'/'"],
    ["'", "'\\''"],
    ['"', "'\"'"],
    ['\n', "'\\n'"],
    ['\u00a0', "'\\u00a0'"],
    ['\udce9', "'\ufffd'"],
  ])('the character %j', (char, quoted) => {
    expect(quoteRune(firstRune(char))).toBe(quoted);
  });
});
