import { decodeByteText, decodeRune, isAscii, runeLength, runeOrReplacement, toByteText } from './byte-text.ts';

/** A pattern read once, to be tested often. */
export interface Glob {
  /** A malformed pattern (unclosed or empty class, `-` without bounds, trailing backslash) matches nothing. */
  readonly malformed: boolean;
  /** What every name that matches starts with; the whole name if `isLiteral`. Empty if malformed. */
  readonly literalPrefix: string;
  /** Whether the pattern matches exactly one name, `literalPrefix`. */
  readonly isLiteral: boolean;
  test(name: string): boolean;
}

/** Text as it stands (a byte text), any character but `/`, or one character of a class. */
export type Item =
  | { readonly kind: 'text'; readonly bytes: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] };

/** The items up to the next `*`. */
export interface Chunk {
  /** Whether a `*` stands before it. */
  readonly star: boolean;
  readonly items: readonly Item[];
}

const ANY: Item = { kind: 'any' };
const SLASH = 0x2f;
const NOTHING: Glob = { malformed: true, literalPrefix: '', isLiteral: false, test: () => false };

/** Whether a pattern of `Conflicts` or `Replaces` matches a whole unit name. See `compileGlob`. */
export function matchGlob(pattern: string, name: string): boolean {
  return compileGlob(pattern).test(name);
}

/**
 * Reads a pattern as Go's `path.Match` does: `*` and `?` do not match `/`, classes are `[a-z]` and `[^a-z]`, a backslash makes the
 * next character literal, everything else is itself. Testing a name takes time proportional to pattern times name at
 * worst, whatever the pattern. Never throws.
 */
export function compileGlob(pattern: string): Glob {
  const chunks = readChunks(toByteText(pattern));
  if (chunks === null) return NOTHING;
  const [first] = chunks;
  const isLiteral = chunks.length === 0 || (chunks.length === 1 && first?.star === false && first.items.every(isText));
  const start = first?.star === false ? first.items[0] : undefined;
  const literalPrefix = start?.kind === 'text' ? decodeByteText(start.bytes) : '';
  if (isLiteral) return { malformed: false, literalPrefix, isLiteral, test: (name) => name === literalPrefix };
  const prefixed = literalPrefix !== '' && isAscii(literalPrefix);
  return {
    malformed: false,
    literalPrefix,
    isLiteral,
    test: (name) => (!prefixed || name.startsWith(literalPrefix)) && matches(chunks, toByteText(name)),
  };
}

function matches(chunks: readonly Chunk[], name: string): boolean {
  let at = 0;
  for (const [i, chunk] of chunks.entries()) {
    const last = i === chunks.length - 1;
    if (chunk.star && chunk.items.length === 0) return !name.includes('/', at);
    let end = matchItems(chunk.items, name, at);
    // Like the original, take the first place where the chunk fits, and never let the star cross a slash.
    while (end < 0 || (last && end < name.length)) {
      if (!chunk.star || at >= name.length || name.charCodeAt(at) === SLASH) return false;
      at++;
      end = matchItems(chunk.items, name, at);
    }
    at = end;
  }
  return at === name.length;
}

/** Position after the items, or -1. */
function matchItems(items: readonly Item[], name: string, start: number): number {
  let at = start;
  for (const item of items) {
    if (at >= name.length) return -1;
    switch (item.kind) {
      case 'text':
        if (!name.startsWith(item.bytes, at)) return -1;
        at += item.bytes.length;
        break;
      case 'any':
        if (name.charCodeAt(at) === SLASH) return -1;
        at += runeLength(decodeRune(name, at, name.length));
        break;
      case 'class': {
        const code = decodeRune(name, at, name.length);
        const rune = runeOrReplacement(code);
        if (!holds(item, rune)) return -1;
        at += runeLength(code);
        break;
      }
    }
  }
  return at;
}

/** The pieces of a pattern, given as byte text; `null` if it is malformed. */
export function readChunks(pattern: string): Chunk[] | null {
  const chunks: Chunk[] = [];
  for (let at = 0; at < pattern.length; ) {
    const star = pattern[at] === '*';
    while (pattern[at] === '*') at++;
    const items: Item[] = [];
    while (at < pattern.length && pattern[at] !== '*') {
      const read = readItem(pattern, at);
      if (read === null) return null;
      items.push(read.item);
      at = read.end;
    }
    chunks.push({ star, items });
  }
  return chunks;
}

function readItem(pattern: string, start: number): { item: Item; end: number } | null {
  if (pattern[start] === '[') return readClass(pattern, start + 1);
  if (pattern[start] === '?') return { item: ANY, end: start + 1 };
  let bytes = '';
  let at = start;
  while (at < pattern.length && !'*?['.includes(pattern.charAt(at))) {
    if (pattern[at] === '\\') at++;
    if (at >= pattern.length) return null;
    bytes += pattern.charAt(at);
    at++;
  }
  return { item: { kind: 'text', bytes }, end: at };
}

function readClass(pattern: string, start: number): { item: Item; end: number } | null {
  let at = start;
  const negated = pattern[at] === '^';
  if (negated) at++;
  const ranges: [number, number][] = [];
  while (pattern[at] !== ']' || ranges.length === 0) {
    const low = readClassRune(pattern, at);
    if (low === null) return null;
    at = low.end;
    let high = low;
    if (pattern[at] === '-') {
      const bound = readClassRune(pattern, at + 1);
      if (bound === null) return null;
      high = bound;
      at = high.end;
    }
    ranges.push([low.code, high.code]);
  }
  return { item: { kind: 'class', negated, ranges: mergeRanges(ranges) }, end: at + 1 };
}

/** The same characters in as few ranges as they need, so that a class written at length costs no more. */
function mergeRanges(ranges: readonly [number, number][]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [low, high] of ranges.filter(([from, to]) => from <= to).sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

function readClassRune(pattern: string, start: number): { code: number; end: number } | null {
  let at = start;
  if (pattern[at] === '-' || pattern[at] === ']') return null;
  if (pattern[at] === '\\') at++;
  if (at >= pattern.length) return null;
  const code = decodeRune(pattern, at, pattern.length);
  const end = at + runeLength(code);
  // What is not UTF-8 is refused, and so is a class that ends with the pattern.
  return code < 0 || end >= pattern.length ? null : { code, end };
}

/** Whether a class holds a code point. */
export function holds(item: Extract<Item, { kind: 'class' }>, rune: number): boolean {
  return item.ranges.some(([low, high]) => low <= rune && rune <= high) !== item.negated;
}

export function isText(item: Item): item is Extract<Item, { kind: 'text' }> {
  return item.kind === 'text';
}
