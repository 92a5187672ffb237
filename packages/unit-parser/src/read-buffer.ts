import { isFullRune } from './byte-text.ts';

const BUFFER_SIZE = 4096;
const LINE_MAX = 2048;

/**
 * The state of the original's 4096-byte read buffer over a text that is all here: bytes `[at, filled)` would be buffered. It only
 * matters for the line length rule, which the original applies to what happens to be buffered (Go `bufio.Reader`, and
 * go-systemd `unit/deserialize.go` lex).
 */
export class ReadBuffer {
  readonly bytes: string;
  /** Position of the next byte to read. */
  at = 0;
  #filled = 0;
  // Where each delimiter is found next. Looking anew each time would make many short lines quadratic.
  #nextLf = -1;
  #nextCr = -1;
  #nextEquals = -1;
  #nextClose = -1;

  constructor(bytes: string) {
    this.bytes = bytes;
    // In a text this short no line can be too long, so it may as well be read at once.
    if (bytes.length < LINE_MAX) this.#filled = bytes.length;
  }

  /** Whether the next step must fail because 2048 bytes without a line end are already buffered. */
  isLineTooLong(): boolean {
    if (this.#filled - this.at < LINE_MAX) return false;
    if (this.#nextCr < this.at) this.#nextCr = this.#find('\r');
    return Math.min(this.nextLf(), this.#nextCr) - this.at >= LINE_MAX;
  }

  /** Position of the next LF, or the length of the text if there is none. */
  nextLf(): number {
    if (this.#nextLf < this.at) this.#nextLf = this.#find('\n');
    return this.#nextLf;
  }

  /** Position of the next CR or LF, or the length of the text. */
  nextLineEnd(): number {
    if (this.#nextCr < this.at) this.#nextCr = this.#find('\r');
    return Math.min(this.nextLf(), this.#nextCr);
  }

  /** Position of the next `=`, or the length of the text. */
  nextEquals(): number {
    if (this.#nextEquals < this.at) this.#nextEquals = this.#find('=');
    return this.#nextEquals;
  }

  /** Position of the next `]`, or the length of the text. */
  nextClose(): number {
    if (this.#nextClose < this.at) this.#nextClose = this.#find(']');
    return this.#nextClose;
  }

  /** Fills the buffer if it holds no whole code point; call before looking at the code point at `at`. */
  needRune(): void {
    if (this.at + 4 > this.#filled && this.#filled < this.bytes.length && !isFullRune(this.bytes, this.at, this.#filled)) {
      this.#fillFrom(this.at);
    }
  }

  /** Reads code point by code point up to `end`, exclusive. */
  readRunes(end: number): void {
    while (end > this.#filled) this.#fillFrom(this.#partialRune());
    this.at = end;
  }

  /** Reads up to and with a delimiter that lies at `end - 1`, or all the rest if it was not found and `end` is the length. */
  readThrough(end: number): void {
    if (end > this.#filled) {
      this.#fillFrom(this.at);
      while (end > this.#filled) this.#fillFrom(this.#filled);
    }
    this.at = end;
  }

  #fillFrom(start: number): void {
    this.#filled = Math.min(start + BUFFER_SIZE, this.bytes.length);
  }

  /** Where the code point starts that the end of the buffer cuts, or the end of the buffer. */
  #partialRune(): number {
    for (let start = Math.max(this.at, this.#filled - 3); start < this.#filled; start++) {
      if (this.bytes.charCodeAt(start) >= 0xc2 && !isFullRune(this.bytes, start, this.#filled)) return start;
    }
    return this.#filled;
  }

  #find(delimiter: string): number {
    const found = this.bytes.indexOf(delimiter, this.at);
    return found < 0 ? this.bytes.length : found;
  }
}
