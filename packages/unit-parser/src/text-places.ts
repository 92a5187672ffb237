import { decodeByteText, isAscii } from './byte-text.ts';
import type { Place } from './diagnostics.ts';

/** Turns positions in a byte text into lines and columns; columns count UTF-16 units. */
export class TextPlaces {
  readonly #bytes: string;
  readonly #lineStarts: number[] = [0];
  readonly #ascii: boolean;

  constructor(bytes: string) {
    this.#bytes = bytes;
    this.#ascii = isAscii(bytes);
    for (let lf = bytes.indexOf('\n'); lf >= 0; lf = bytes.indexOf('\n', lf + 1)) this.#lineStarts.push(lf + 1);
  }

  at(position: number): Place {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= position) low = middle;
      else high = middle;
    }
    const start = this.#lineStarts[low] ?? 0;
    const length = this.#ascii ? position - start : decodeByteText(this.#bytes.slice(start, position)).length;
    return { line: low + 1, column: length + 1 };
  }

  /** The lines without their LF. */
  *lines(): Iterable<{ readonly start: number; readonly end: number }> {
    for (const [i, start] of this.#lineStarts.entries()) {
      yield { start, end: (this.#lineStarts[i + 1] ?? this.#bytes.length + 1) - 1 };
    }
  }
}
