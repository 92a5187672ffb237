/**
 * The original reads bytes, JavaScript has strings of UTF-16. Two forms of text bridge that:
 *
 * - a *byte text* has one character of U+0000 to U+00FF for each byte, so positions in it are byte positions;
 * - outside of this package text is an ordinary string in which a byte that is not part of valid UTF-8 stands as the lone
 *   surrogate U+DC00 + byte (U+DC80 to U+DCFF, as Python's `surrogateescape`), so nothing is lost on the way back to bytes.
 */

const NOT_ASCII = /[^\0-\x7f]/;
const REPLACEMENT = 0xfffd;
const CHUNK = 8192;

const encoder = new TextEncoder();

export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/** Whether the text holds a lone surrogate: a byte that is not UTF-8, or half a character. */
export function hasLoneSurrogate(text: string): boolean {
  // Quicker than a pattern; not in the types of ES2023 yet, but in every runtime since 2023.
  return !(text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** One character per byte; the string itself if it is ASCII. */
export function toByteText(text: string | Uint8Array): string {
  if (typeof text !== 'string') return latin1(text);
  return isAscii(text) ? text : text.replace(/[^\0-\x7f]+/g, encodeRun);
}

/** As `encodeText`, as byte text: for the few characters between ASCII an encoder costs more than it does. */
function encodeRun(text: string): string {
  let bytes = '';
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x800) bytes += String.fromCharCode(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else if (unit >= 0xdc80 && unit <= 0xdcff) bytes += String.fromCharCode(unit & 0xff);
    else if (unit >= 0xd800 && unit <= 0xdfff) {
      const code = text.codePointAt(at) ?? REPLACEMENT;
      if (code > 0xffff) at++;
      bytes += code > 0xffff ? encodeAstral(code) : encodeThree(REPLACEMENT);
    } else bytes += encodeThree(unit);
  }
  return bytes;
}

function encodeThree(code: number): string {
  return String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
}

function encodeAstral(code: number): string {
  return String.fromCharCode(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
}

/** The bytes a text stands for; lone surrogates U+DC80 to U+DCFF become the single byte they hold, other ones U+FFFD. */
export function encodeText(text: string): Uint8Array {
  if (!hasLoneSurrogate(text)) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) {
      at++;
      continue;
    }
    if (unit < 0xdc80 || unit > 0xdcff) continue;
    if (at > from) parts.push(encoder.encode(text.slice(from, at)));
    parts.push(Uint8Array.of(unit & 0xff));
    from = at + 1;
  }
  if (from < text.length) parts.push(encoder.encode(text.slice(from)));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The text of some bytes; each byte that is not UTF-8 becomes a lone surrogate U+DC80 to U+DCFF, so that nothing is lost. */
export function decodeText(bytes: Uint8Array): string {
  return decodeByteText(latin1(bytes));
}

/** A byte text as ordinary text; bytes that are not UTF-8 become `invalid` if given, else the lone surrogate that holds them. */
export function decodeByteText(bytes: string, invalid?: string): string {
  // ASCII bytes are never part of a longer sequence, so what lies between them can be decoded by itself.
  return isAscii(bytes) ? bytes : bytes.replace(/[\x80-\xff]+/g, (run) => decodeRun(run, invalid));
}

function decodeRun(bytes: string, invalid: string | undefined): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const code = decodeRune(bytes, at, bytes.length);
    if (code >= 0) text += String.fromCodePoint(code);
    else text += invalid ?? String.fromCharCode(0xdc00 + bytes.charCodeAt(at));
    at += runeLength(code);
  }
  return text;
}

/** Bytes of a code point in UTF-8; 1 for what `decodeRune` calls invalid. */
export function runeLength(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** The code point that starts at a byte, or -1 if the byte does not start a valid and whole sequence (as Go `utf8.DecodeRune`). */
export function decodeRune(bytes: string, at: number, end: number): number {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return first;
  const length = sequenceLength(first);
  if (length === 0 || at + length > end || !hasValidTail(bytes, at, at + length)) return -1;
  let code = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) code = (code << 6) | (bytes.charCodeAt(at + i) & 0x3f);
  return code;
}

/** Whether the bytes up to `end` hold a whole code point or can no longer become one (as Go `utf8.FullRune`). */
export function isFullRune(bytes: string, at: number, end: number): boolean {
  if (at >= end) return false;
  const length = sequenceLength(bytes.charCodeAt(at));
  return length === 0 || at + length <= end || !hasValidTail(bytes, at, end);
}

/** U+FFFD for invalid bytes, else the code point. */
export function runeOrReplacement(code: number): number {
  return code < 0 ? REPLACEMENT : code;
}

/** 0 for a byte that starts nothing. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

function hasValidTail(bytes: string, at: number, end: number): boolean {
  const first = bytes.charCodeAt(at);
  for (let i = at + 1; i < end; i++) {
    const byte = bytes.charCodeAt(i);
    let low = 0x80;
    let high = 0xbf;
    if (i === at + 1) {
      // Overlong forms, surrogates and what lies above U+10FFFF show in the second byte.
      if (first === 0xe0) low = 0xa0;
      else if (first === 0xed) high = 0x9f;
      else if (first === 0xf0) low = 0x90;
      else if (first === 0xf4) high = 0x8f;
    }
    if (byte < low || byte > high) return false;
  }
  return true;
}

function latin1(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // Spreading would visit the bytes one by one, at eight times the cost.
    parts.push(String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]));
  }
  return parts.length === 1 ? (parts[0] ?? '') : parts.join('');
}
