import { blankLengthAt, dropBlanks, skipBlanks, trimBlanks } from './blank.ts';
import { decodeByteText, isAscii, runeLength, decodeRune, toByteText } from './byte-text.ts';
import { parseError, type UnitParseError } from './parse-error.ts';
import { ReadBuffer } from './read-buffer.ts';
import type { LocatedUnitOption } from './types.ts';

export type ParseResult =
  | { readonly ok: true; readonly options: readonly LocatedUnitOption[] }
  | { readonly ok: false; readonly error: UnitParseError };

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const HASH = 0x23;
const SEMICOLON = 0x3b;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;

/**
 * Reads a unit file into its options, in file order, repeats included; or the first error. Accepts and refuses exactly what the
 * original fleet does (go-systemd `unit/deserialize.go`), its line length rule included. Never throws.
 *
 * Bytes that are not UTF-8 stand in section names and values as lone surrogates U+DC80 to U+DCFF (see `encodeText`) and in
 * option names as U+FFFD.
 *
 * @example
 * const result = parseUnitFile('[Service]\nExecStart=/bin/true\n');
 * if (result.ok) console.log(result.options[0]?.value); // /bin/true
 */
export function parseUnitFile(text: string | Uint8Array): ParseResult {
  const bytes = toByteText(text);
  return new Lexer(bytes, bytes === text || isAscii(bytes)).run();
}

/** A piece of a unit file, as positions in its byte text. */
export interface Token {
  /** `preamble` is text before the first section that is dropped. */
  readonly kind: 'preamble' | 'comment' | 'header' | 'option';
  readonly start: number;
  /** Exclusive; after the last line of the piece, without its line end. */
  readonly end: number;
  /** Where the `]` of a header or the `=` of an option is. */
  readonly mark?: number;
  readonly option?: LocatedUnitOption;
}

/** Everything that can be told about a text, errors or not. */
export interface Trace {
  readonly tokens: Token[];
  readonly errors: UnitParseError[];
}

/** Reads a byte text on past its errors, each time from the next line, without the line length rule. For findings only. */
export function traceUnitFile(bytes: string): Trace {
  const trace: Trace = { tokens: [], errors: [] };
  new Lexer(bytes, isAscii(bytes), trace).run();
  return trace;
}

class Lexer {
  readonly #bytes: string;
  readonly #trace: Trace | null;
  readonly #ascii: boolean;
  readonly #buffer: ReadBuffer;
  readonly #options: LocatedUnitOption[] = [];
  #error: UnitParseError | null = null;
  #section = '';
  #valueEnd = 0;
  #line = 1;
  #lineStart = 0;

  constructor(bytes: string, ascii: boolean, trace: Trace | null = null) {
    this.#bytes = bytes;
    this.#trace = trace;
    this.#ascii = ascii;
    this.#buffer = new ReadBuffer(bytes);
  }

  run(): ParseResult {
    let goesOn = this.#preamble() || this.#recover();
    while (goesOn) goesOn = this.#bodyLine() || this.#recover();
    return this.#error === null ? { ok: true, options: this.#options } : { ok: false, error: this.#error };
  }

  /** Skips to the first section; false at the end of the input or on an error. */
  #preamble(): boolean {
    const buffer = this.#buffer;
    let from = 0;
    for (;;) {
      if (this.#tooLong()) return false;
      buffer.needRune();
      const start = buffer.at;
      if (start >= this.#bytes.length) {
        this.#trace?.tokens.push({ kind: 'preamble', start: from, end: start });
        return false;
      }
      const code = this.#bytes.charCodeAt(start);
      buffer.at = start + (code < 0x80 ? 1 : runeLength(decodeRune(this.#bytes, start, this.#bytes.length)));
      if (code === LF) this.#startLine(start + 1);
      else if (code === OPEN || code === HASH || code === SEMICOLON) {
        this.#trace?.tokens.push({ kind: 'preamble', start: from, end: start });
        if (code === OPEN) return this.#header(start);
        if (!this.#comment(start)) return false;
        from = buffer.at;
      }
    }
  }

  /** Reads one header, comment, blank run or option; false at the end of the input or on an error. */
  #bodyLine(): boolean {
    const buffer = this.#buffer;
    const bytes = this.#bytes;
    for (;;) {
      if (this.#tooLong()) return false;
      buffer.needRune();
      const start = buffer.at;
      if (start >= bytes.length) return false;
      const code = bytes.charCodeAt(start);
      const blank = blankLengthAt(bytes, start, bytes.length);
      if (blank > 0) {
        buffer.at = start + blank;
        if (code === LF) this.#startLine(start + 1);
        continue;
      }
      if (code === OPEN) {
        buffer.at = start + 1;
        return this.#header(start);
      }
      if (code === HASH || code === SEMICOLON) {
        buffer.at = start + 1;
        return this.#comment(start);
      }
      return this.#option(start);
    }
  }

  #header(start: number): boolean {
    if (this.#tooLong()) return false;
    const buffer = this.#buffer;
    const bytes = this.#bytes;
    const close = buffer.nextClose();
    if (close === bytes.length) {
      // When tracing, what follows is taken to stand in the section that was meant.
      this.#section = trimBlanks(this.#text(bytes.slice(buffer.at, buffer.nextLineEnd())));
      return this.#fail('unclosed-section', 'unable to find end of section', start);
    }
    const name = bytes.slice(buffer.at, close);
    if (name.includes('\n')) {
      for (let lf = bytes.indexOf('\n', start); lf >= 0 && lf < close; lf = bytes.indexOf('\n', lf + 1)) this.#startLine(lf + 1);
    }
    buffer.readThrough(close + 1);
    if (this.#tooLong()) return false;
    this.#section = this.#text(name);
    const { from, to, found } = this.#restOfLine();
    this.#trace?.tokens.push({ kind: 'header', start, end: to, mark: close });
    const garbage = skipBlanks(bytes, from, to);
    if (garbage < to) {
      const codes = Array.from(bytes.slice(garbage, dropBlanks(bytes, garbage, to)), (byte) => byte.charCodeAt(0)).join(' ');
      // The original means to name the section before the colon, and never does.
      return this.#fail('garbage-after-section', `found garbage after section name : [${codes}]`, garbage);
    }
    if (found) this.#startLine(buffer.at);
    return true;
  }

  /** Skips a comment with the lines it goes on over. */
  #comment(start: number): boolean {
    if (this.#tooLong()) return false;
    for (;;) {
      const { from, to, found } = this.#restOfLine();
      if (found) this.#startLine(this.#buffer.at);
      const end = to > from && this.#bytes.charCodeAt(to - 1) === SPACE ? to - 1 : to;
      if (end === from || this.#bytes.charCodeAt(end - 1) !== BACKSLASH) {
        this.#trace?.tokens.push({ kind: 'comment', start, end: to });
        return true;
      }
    }
  }

  #option(start: number): boolean {
    if (this.#tooLong()) return false;
    const buffer = this.#buffer;
    const bytes = this.#bytes;
    const lineEnd = buffer.nextLineEnd();
    const equals = buffer.nextEquals();
    if (equals >= lineEnd) {
      return lineEnd < bytes.length
        ? this.#fail('newline-in-name', 'unexpected newline encountered while parsing option name', start)
        : this.#fail('missing-equals', 'EOF', start);
    }
    const line = this.#line;
    const column = this.#columnOf(start);
    buffer.readRunes(equals + 1);
    const value = this.#value();
    if (value === null) return false;
    const option = { section: this.#section, name: this.#name(start, equals), value, line, column };
    this.#options.push(option);
    this.#trace?.tokens.push({ kind: 'option', start, end: this.#valueEnd, mark: equals, option });
    return true;
  }

  #value(): string | null {
    const bytes = this.#bytes;
    const start = this.#buffer.at;
    let end = start;
    let cutOff = false;
    for (;;) {
      if (this.#tooLong()) return null;
      const { from, to, found } = this.#restOfLine();
      if (found) this.#startLine(this.#buffer.at);
      if (skipBlanks(bytes, from, to) === to) break;
      end = to;
      // At the end of the input there is no line to go on with, and no LF to keep.
      cutOff = found && bytes.charCodeAt(to - 1) === BACKSLASH;
      if (!cutOff) break;
    }
    const trimmedStart = skipBlanks(bytes, start, end);
    this.#valueEnd = end;
    const value = this.#text(bytes.slice(trimmedStart, dropBlanks(bytes, trimmedStart, end)));
    return cutOff ? `${value}\n` : value;
  }

  #name(start: number, end: number): string {
    const bytes = this.#bytes;
    const name = bytes.slice(start, dropBlanks(bytes, start, end));
    return this.#ascii ? name : trimBlanks(decodeByteText(name, '\ufffd'));
  }

  /** Takes the rest of the line with its LF; `[from, to)` is without it, and at the end of the input without a last CR. */
  #restOfLine(): { from: number; to: number; found: boolean } {
    const buffer = this.#buffer;
    const from = buffer.at;
    const lf = buffer.nextLf();
    if (lf < this.#bytes.length) {
      buffer.readThrough(lf + 1);
      return { from, to: lf, found: true };
    }
    buffer.readThrough(lf);
    const to = lf > from && this.#bytes.charCodeAt(lf - 1) === CR ? lf - 1 : lf;
    return { from, to, found: false };
  }

  #tooLong(): boolean {
    if (!this.#buffer.isLineTooLong() || this.#trace !== null) return false;
    this.#fail('line-too-long', 'line too long (max 2048 bytes)', this.#buffer.at);
    return true;
  }

  /** When tracing, notes the error and goes on with the next line; false if there is none or nothing is left. */
  #recover(): boolean {
    if (this.#trace === null || this.#error === null) return false;
    this.#trace.errors.push(this.#error);
    // The rest of a header's line is taken before it is found to be garbage.
    if (this.#error.code !== 'garbage-after-section') this.#restOfLine();
    this.#error = null;
    if (this.#buffer.at >= this.#bytes.length) return false;
    this.#startLine(this.#buffer.at);
    return true;
  }

  #startLine(at: number): void {
    this.#line++;
    this.#lineStart = at;
  }

  #columnOf(at: number): number {
    if (this.#ascii || at === this.#lineStart) return at - this.#lineStart + 1;
    return decodeByteText(this.#bytes.slice(this.#lineStart, at)).length + 1;
  }

  #text(bytes: string): string {
    return this.#ascii ? bytes : decodeByteText(bytes);
  }

  #fail(code: UnitParseError['code'], message: string, at: number): false {
    this.#error = parseError(code, message, this.#line, this.#columnOf(at));
    return false;
  }
}
