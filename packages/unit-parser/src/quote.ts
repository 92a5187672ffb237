import { decodeByteText, decodeRune, runeLength, toByteText } from './byte-text.ts';

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const SHORT: Readonly<Record<number, string>> = { 7: '\\a', 8: '\\b', 12: '\\f', 10: '\\n', 13: '\\r', 9: '\\t', 11: '\\v' };

/** A string as Go's `%q` prints it, quotes included. The original's messages have names in this form. */
export function quoteText(text: string): string {
  const bytes = toByteText(text);
  let quoted = '"';
  for (let at = 0; at < bytes.length; ) {
    const code = decodeRune(bytes, at, bytes.length);
    quoted += code < 0 ? `\\x${hex(bytes.charCodeAt(at), 2)}` : escapeRune(code, '"');
    at += runeLength(code);
  }
  return `${quoted}"`;
}

/** A code point as Go's `%q` prints a rune, in single quotes. */
export function quoteRune(code: number): string {
  return `'${escapeRune(code, "'")}'`;
}

/** The first code point of a text; U+FFFD if its bytes are not UTF-8. */
export function firstRune(text: string): number {
  return decodeByteText(toByteText(text), '\ufffd').codePointAt(0) ?? 0xfffd;
}

function escapeRune(code: number, quote: string): string {
  const char = String.fromCodePoint(code);
  if (char === quote || char === '\\') return `\\${char}`;
  if (PRINTABLE.test(char)) return char;
  const short = SHORT[code];
  if (short !== undefined) return short;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
