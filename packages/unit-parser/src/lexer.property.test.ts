import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { decodeText } from './byte-text.ts';
import { formatUnitFile, groupBySection, hashUnitFile, parseUnitFile, sameOptions } from './index.ts';
import { traceUnitFile } from './lexer.ts';

const BUFFER = 4096;
const LIMIT = 2048;
const BLANK = /^[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u;

/**
 * The reading rules written down a second time, slowly and plainly: a real 4096-byte buffer that is filled and drained, one step
 * after the other. What it gives is what the quick reader has to give.
 */
class PlainReader {
  readonly options: [string, string, string][] = [];
  readonly #bytes: Uint8Array;
  /** The buffer holds the bytes from `#from` to `#to`. */
  #from = 0;
  #to = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get #buffer(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  #drain(count: number): number[] {
    const taken = [...this.#buffer.subarray(0, count)];
    this.#from += taken.length;
    return taken;
  }

  read(): string | null {
    try {
      this.#preamble();
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #fill(): boolean {
    const before = this.#to;
    this.#to = Math.min(this.#bytes.length, this.#from + BUFFER);
    return this.#to > before;
  }

  /** Length of the code point at the front of the buffer, 0 if more bytes are needed, -1 if the first byte is none. */
  #runeLength(): number {
    const first = this.#from < this.#to ? this.#bytes[this.#from] : undefined;
    if (first === undefined) return 0;
    if (first < 0x80) return 1;
    for (let length = 1; length <= 4; length++) {
      if (isOneCharacter(this.#buffer.subarray(0, length))) return length;
    }
    return this.#mayBecomeRune() ? 0 : -1;
  }

  #mayBecomeRune(): boolean {
    const front = [...this.#buffer.subarray(0, 3)];
    if (this.#buffer.length > 3) return false;
    const tails = [[0x80], [0xbf], [0x80, 0x80], [0xbf, 0x80], [0x80, 0x80, 0x80], [0xbf, 0x80, 0x80], [0x90, 0x80, 0x80], [0xa0, 0x80]];
    return tails.some((tail) => isOneCharacter(Uint8Array.from([...front, ...tail])));
  }

  #peekRune(): string | null {
    while (this.#runeLength() === 0 && this.#fill());
    const first = this.#from < this.#to ? (this.#bytes[this.#from] ?? 0x80) : 0x80;
    if (first < 0x80) return String.fromCharCode(first);
    if (this.#buffer.length === 0) return null;
    const length = this.#runeLength();
    return length > 0 ? decoder.decode(this.#buffer.subarray(0, length)) : '\ufffd';
  }

  #takeRune(): string | null {
    const rune = this.#peekRune();
    if (rune !== null) this.#from += Math.max(1, this.#runeLength());
    return rune;
  }

  /** Bytes up to and with the delimiter, or all the rest. */
  #takeThrough(delimiter: number): number[] {
    const taken: number[] = [];
    for (;;) {
      const at = this.#buffer.indexOf(delimiter);
      if (at >= 0) return [...taken, ...this.#drain(at + 1)];
      if (this.#buffer.length >= BUFFER) taken.push(...this.#drain(BUFFER));
      else if (!this.#fill()) return [...taken, ...this.#drain(BUFFER)];
    }
  }

  #step(): void {
    if (this.#buffer.length < LIMIT) return;
    const next = this.#buffer.subarray(0, LIMIT);
    if (!next.includes(10) && !next.includes(13)) throw new Error('line too long (max 2048 bytes)');
  }

  #line(): { text: string; end: boolean } {
    const bytes = this.#takeThrough(10);
    const end = bytes.at(-1) !== 10;
    if (!end) bytes.pop();
    else if (bytes.at(-1) === 13) bytes.pop();
    return { text: decodeText(Uint8Array.from(bytes)), end };
  }

  #preamble(): void {
    for (;;) {
      this.#step();
      const rune = this.#takeRune();
      if (rune === null) return;
      if (rune === '[') {
        this.#header();
        return;
      }
      if (rune === '#' || rune === ';') this.#comment();
    }
  }

  #comment(): void {
    this.#step();
    while (this.#line().text.replace(/ $/, '').endsWith('\\'));
  }

  #header(): void {
    this.#step();
    const bytes = this.#takeThrough(0x5d);
    if (bytes.pop() !== 0x5d) throw new Error('unable to find end of section');
    const section = decodeText(Uint8Array.from(bytes));
    this.#step();
    const garbage = trim(this.#line().text);
    if (garbage !== '') throw new Error(`found garbage after section name : [${encode(garbage).join(' ')}]`);
    this.#body(section);
  }

  #body(section: string): void {
    for (;;) {
      this.#step();
      const rune = this.#peekRune();
      if (rune === null) return;
      if (BLANK.test(rune)) this.#takeRune();
      else if (rune === '[') {
        this.#takeRune();
        this.#header();
        return;
      } else if (rune === '#' || rune === ';') {
        this.#takeRune();
        this.#comment();
      } else this.#option(section);
    }
  }

  #option(section: string): void {
    this.#step();
    let name = '';
    for (;;) {
      const rune = this.#takeRune();
      if (rune === null) throw new Error('EOF');
      if (rune === '\n' || rune === '\r') throw new Error('unexpected newline encountered while parsing option name');
      if (rune === '=') break;
      name += rune;
    }
    let value = '';
    for (;;) {
      this.#step();
      const { text, end } = this.#line();
      if (trim(text) === '') break;
      value += text;
      if (!text.endsWith('\\')) break;
      if (!end) value += '\n';
    }
    this.options.push([section, trim(name), value.endsWith('\n') ? `${trim(value)}\n` : trim(value)]);
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function isOneCharacter(bytes: Uint8Array): boolean {
  const key = bytes.join();
  const known = oneCharacter.get(key) ?? isDecodedToOne(bytes);
  oneCharacter.set(key, known);
  return known;
}

/** The same few characters come thousands of times. */
const oneCharacter = new Map<string, boolean>();

function isDecodedToOne(bytes: Uint8Array): boolean {
  const text = decoder.decode(bytes);
  return Array.from(text).length === 1 && Buffer.byteLength(text) === bytes.length && (text !== '\ufffd' || bytes[0] === 0xef);
}

function trim(text: string): string {
  const chars = Array.from(text);
  while (chars.length > 0 && BLANK.test(chars[0]!)) chars.shift();
  while (chars.length > 0 && BLANK.test(chars.at(-1)!)) chars.pop();
  return chars.join('');
}

function encode(text: string): number[] {
  return Array.from(text).flatMap((char) => {
    const code = char.charCodeAt(0);
    return char.length === 1 && code >= 0xdc80 && code <= 0xdcff ? [code & 0xff] : [...Buffer.from(char)];
  });
}

const words = fc.constantFrom(
  '[', ']', '[Service]', '[X-Fleet]', '=', 'Name=', 'value', '#', ';', '\\', '\\\\', '\n', '\n\n', '\r\n', '\r', ' ', '\t', '\u00a0', '\u3000', '\u0085', '"', '\ufeff', 'é', '東', '🐳', '\u2029',
);
/** Long stretches, so that the limits of line and buffer come into play at every position. */
const stretches = fc.tuple(fc.constantFrom('x', 'é', '東', '🐳', ' ', '\\'), fc.oneof(fc.integer({ min: 2030, max: 2060 }), fc.integer({ min: 0, max: 4200 }))).map(([char, bytes]) => char.repeat(Math.ceil(bytes / Buffer.byteLength(char))));
const rawBytes = fc.uint8Array({ maxLength: 8 });
const texts = fc
  .array(fc.oneof({ weight: 12, arbitrary: words }, { weight: 3, arbitrary: stretches }, { weight: 1, arbitrary: rawBytes }), { maxLength: 40 })
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));
/** Mostly well-formed files of short and long lines, which get further than random ones. */
const files = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 120 }).map((size) => `${'#'.padEnd(size, 'c')}\n`),
      fc.integer({ min: 1, max: 2047 }).map((size) => `A=${'v'.repeat(size)}\n`),
      fc.integer({ min: 1, max: 3000 }).map((size) => `É${'n'.repeat(size % 40)}=${'東'.repeat(size / 3)}\n`),
      fc.integer({ min: 1, max: 5000 }).map((size) => `Long=${'v'.repeat(size)}\n`),
      fc.integer({ min: 1, max: 2200 }).map((size) => `${'n'.repeat(size)}=v\n`),
      fc.integer({ min: 1, max: 2200 }).map((size) => `${' '.repeat(size)}B=v \\\n  w\n`),
      fc.constantFrom('[Unit]\n', '\n', '  [A b]  \n', 'C=\\\n', '# folded \\\n'),
    ),
    { maxLength: 12 },
  )
  .map((lines) => Buffer.from(`[Service]\n${lines.join('')}`));

const anything = fc.oneof(texts, files);

describe('reading against the rules written down plainly', () => {
  const agrees = (bytes: Buffer): void => {
    const plain = new PlainReader(bytes);
    const error = plain.read();
    const result = parseUnitFile(bytes);
    expect(result.ok ? null : result.error.message).toBe(error);
    if (result.ok) expect(result.options.map((option) => [option.section, option.name, option.value])).toEqual(plain.options);
  };

  it('gives the same for pieces put together at random', () => {
    fc.assert(fc.property(texts, agrees), { numRuns: 200 });
  });

  it('gives the same for files whose lines lie across the ends of line and buffer', () => {
    fc.assert(fc.property(files, agrees), { numRuns: 150 });
  });

  it('gives the same at each position of a long line around the buffer', () => {
    for (let head = 2000; head <= 4140; head += 7) {
      const filler = `A=${'f'.repeat(60)}\n`;
      const start = `[S]\n${filler.repeat(Math.floor((head - 4) / filler.length))}`;
      agrees(Buffer.from(`${start}#${'.'.repeat(Math.max(0, head - start.length - 2))}\nE=${'v'.repeat(3000)}\nZ=1\n`));
    }
  });
});

describe('reading where the end of the buffer falls', () => {
  /** A file whose next line begins at a given byte. */
  const headOf = (size: number): string => `[S]\n#${'.'.repeat(50)}\n${`#${'.'.repeat(98)}\n`.repeat(Math.floor((size - 60) / 100))}`.padEnd(size, '\n');
  const both = (text: string): { plain: string | null; quick: string | null } => {
    const result = parseUnitFile(text);
    return { plain: new PlainReader(Buffer.from(text)).read(), quick: result.ok ? null : result.error.message };
  };

  it.each([
    ['in a name of three-byte characters', (head: number, size: number) => `${headOf(head)}${'東'.repeat(size / 3)}${'n'.repeat(size % 3)}=${'v'.repeat(3000)}\n`],
    ['in a name of four-byte characters', (head: number, size: number) => `${headOf(head)}${'🐳'.repeat(size / 4)}${'n'.repeat(size % 4)}=${'v'.repeat(3000)}\n`],
    ['in a name', (head: number, size: number) => `${headOf(head)}${'n'.repeat(size)}=${'v'.repeat(3000)}\n`],
    ['in a folded value', (head: number, size: number) => `${headOf(head)}A=${'v'.repeat(size)}\\\n${'w'.repeat(3000)}\n`],
    ['in a comment', (head: number, size: number) => `${headOf(head)}#${'v'.repeat(size)}\nB=${'w'.repeat(3000)}\n`],
    ['in a section name', (head: number, size: number) => `${headOf(head)}[${'v'.repeat(size)}]${' '.repeat(3000)}\n`],
    ['in blanks of three bytes', (head: number, size: number) => `${headOf(head)}${'\u3000'.repeat(size / 3)}${' '.repeat(size % 3)}A=${'v'.repeat(3000)}\n`],
  ])('%s', (_title, make) => {
    const verdicts = new Set<string | null>();
    // Sizes around those at which the verdict turns, for each way in which the buffer can cut a character.
    const sizes = [...range(2040, 2054), ...range(2134, 2152)];
    for (const head of range(4000, 4004)) {
      for (const size of sizes) {
        const text = make(head, size);
        const { plain, quick } = both(text);
        if (plain !== quick) throw new Error(`head ${head}, size ${size}: ${quick ?? 'read'} instead of ${plain ?? 'read'}`);
        verdicts.add(plain);
      }
    }
    expect(verdicts.size).toBeGreaterThan(0);
  });
});

describe('reading', () => {
  it('gives the same for a string and for its bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), texts.map((bytes) => bytes.toString('utf8'))), (text) => {
        const clean = text.replace(/\p{Surrogate}/gu, '\ufffd');
        expect(parseUnitFile(clean)).toEqual(parseUnitFile(Buffer.from(clean)));
      }),
      { numRuns: 50 },
    );
  });

  it('gives each option the place of its name', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const result = parseUnitFile(bytes);
        if (!result.ok) return;
        const lines = decodeText(bytes).split('\n');
        for (const { name, line, column } of result.options) {
          const there = (lines[line - 1] ?? '').slice(column - 1).replace(/[\udc80-\udcff]/g, (char, at: number, all: string) => (/[\ud800-\udbff]/.test(all[at - 1] ?? '') ? char : '\ufffd'));
          expect(there.startsWith(name)).toBe(true);
        }
      }),
    );
  });

  it('gives written text the same hash again, unless a value ends in a backslash or a line is too long', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const result = parseUnitFile(bytes);
        if (!result.ok || result.options.some((option) => option.value.endsWith('\\') || option.section.includes('\udcc2'))) return;
        const again = parseUnitFile(formatUnitFile(result.options));
        if (!again.ok) {
          expect(again.error.code).toBe('line-too-long');
          return;
        }
        expect(sameOptions(again.options, groupBySection(result.options))).toBe(true);
        expect(hashUnitFile(again.options)).toBe(hashUnitFile(result.options));
      }),
    );
  });

  it('traces the same options and the first error of a text', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const result = parseUnitFile(bytes);
        const trace = traceUnitFile(bytes.toString('latin1'));
        const traced = trace.tokens.flatMap((token) => token.option ?? []);
        if (result.ok) expect(traced).toEqual(result.options);
        else if (result.error.code !== 'line-too-long') expect(trace.errors[0]).toEqual(result.error);
      }),
    );
  });
});
