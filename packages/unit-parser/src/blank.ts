import { decodeRune, runeLength } from './byte-text.ts';

/**
 * The white space of the original (Go `unicode.IsSpace`). `String.prototype.trim` will not do: it strips U+FEFF and keeps U+0085.
 */
export function isBlank(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  if (code === 0x1680 || code === 0x3000 || code === 0x202f || code === 0x205f) return true;
  return (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x2029;
}

/** Without the blanks at both ends (as Go `strings.TrimSpace`). */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** The words between blanks, none of them empty (as Go `strings.Fields`). */
export function splitAtBlanks(text: string): string[] {
  const words: string[] = [];
  let from = -1;
  for (let at = 0; at < text.length; at++) {
    if (!isBlank(text.charCodeAt(at))) {
      if (from < 0) from = at;
    } else if (from >= 0) {
      words.push(text.slice(from, at));
      from = -1;
    }
  }
  if (from >= 0) words.push(from === 0 ? text : text.slice(from));
  return words;
}

/** Byte length of the blank that starts here in a byte text; 0 if there is none. */
export function blankLengthAt(bytes: string, at: number, end: number): number {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return isBlank(first) ? 1 : 0;
  const code = decodeRune(bytes, at, end);
  return code >= 0 && isBlank(code) ? runeLength(code) : 0;
}

/** Where the text starts after leading blanks in `[start, end)` of a byte text. */
export function skipBlanks(bytes: string, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const length = blankLengthAt(bytes, at, end);
    if (length === 0) break;
    at += length;
  }
  return at;
}

/** Where the text ends before trailing blanks in `[start, end)` of a byte text. */
export function dropBlanks(bytes: string, start: number, end: number): number {
  let at = end;
  while (at > start) {
    const last = bytes.charCodeAt(at - 1);
    if (last < 0x80) {
      if (!isBlank(last)) break;
      at--;
      continue;
    }
    const length = wideBlankBefore(bytes, start, at);
    if (length === 0) break;
    at -= length;
  }
  return at;
}

function wideBlankBefore(bytes: string, start: number, end: number): number {
  for (let length = 2; length <= 3 && end - length >= start; length++) {
    const first = bytes.charCodeAt(end - length);
    if (first >= 0xc0) return blankLengthAt(bytes, end - length, end) === length ? length : 0;
  }
  return 0;
}
