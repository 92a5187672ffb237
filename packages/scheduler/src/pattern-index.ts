import { compileGlob } from '@fleet/unit-parser';
import { Pattern, type UnitEntry } from './entries.ts';
import { NameIndex } from './name-index.ts';

/** Unused patterns are swept out when there are more of them than used ones, but not before there are so many. */
const MIN_UNUSED = 256;
/** From so many patterns filed by their end on, names are kept in order of their ends. */
const MIN_SUFFIXES = 8;
const NONE: readonly Pattern[] = [];

/**
 * Which patterns match which names, kept up to date from both sides. Patterns are filed under their literal beginning or end, so that a
 * new name meets few patterns and a new pattern few names.
 */
export class PatternIndex {
  readonly #byText = new Map<string, Pattern>();
  readonly #literals = new Map<string, Set<Pattern>>();
  readonly #prefixes = new AffixMap();
  readonly #suffixes = new AffixMap();
  readonly #names = new NameIndex<UnitEntry>();
  /** Names written backwards; `null` until enough patterns need it. */
  #reversed: NameIndex<UnitEntry> | null = null;
  readonly #entries = new Map<string, UnitEntry>();
  readonly #universal = new Set<Pattern>();
  readonly #unused = new Set<Pattern>();
  #nextId = 0;

  /** Those that match the unit's name. */
  matching(entry: UnitEntry): readonly Pattern[] {
    return this.#universal.size === 0 ? entry.matching : [...entry.matching, ...this.#universal];
  }

  /**
   * Makes the patterns of a unit known and notes that it declares them.
   * @param onNew Told of each pattern that was not known before, once its names are known.
   */
  enlist(entry: UnitEntry, onNew: (pattern: Pattern) => void): void {
    const { conflicts, replaces } = entry.unit.requirements;
    entry.conflicts = this.#internAll(conflicts, onNew);
    entry.replaces = this.#internAll(replaces, onNew);
    for (const pattern of entry.conflicts) {
      pattern.conflictDeclarers.add(entry);
      if (entry.global) pattern.globalDeclarers++;
    }
    for (const pattern of entry.replaces) pattern.replaceDeclarers.add(entry);
    entry.shape = null;
  }

  /** Takes back what `enlist` noted. Patterns that nobody declares any more are forgotten once they are many. */
  delist(entry: UnitEntry): void {
    for (const pattern of entry.conflicts) {
      pattern.conflictDeclarers.delete(entry);
      if (entry.global) pattern.globalDeclarers--;
    }
    for (const pattern of entry.replaces) pattern.replaceDeclarers.delete(entry);
    for (const pattern of new Set([...entry.conflicts, ...entry.replaces])) if (pattern.unused) this.#unused.add(pattern);
    entry.conflicts = [];
    entry.replaces = [];
    this.#sweep();
  }

  addName(entry: UnitEntry): void {
    this.#entries.set(entry.name, entry);
    this.#names.add(entry.name, entry);
    this.#reversed?.add(reverse(entry.name), entry);
    for (const pattern of this.#literals.get(entry.name) ?? []) link(pattern, entry);
    for (const pattern of this.#prefixes.of(entry.name)) if (pattern.test(entry.name)) link(pattern, entry);
    for (const pattern of this.#suffixes.of(reverse(entry.name))) if (pattern.test(entry.name)) link(pattern, entry);
  }

  removeName(entry: UnitEntry): void {
    this.#entries.delete(entry.name);
    this.#names.remove(entry.name);
    this.#reversed?.remove(reverse(entry.name));
    for (const pattern of entry.matching) unlink(pattern, entry);
    entry.matching.length = 0;
  }

  /** Forgets what is counted where. */
  resetCounts(): void {
    for (const pattern of this.#byText.values()) {
      pattern.matched.reset();
      pattern.conflicting.reset();
      pattern.replacing.reset();
    }
  }

  #internAll(texts: readonly string[], onNew: (pattern: Pattern) => void): readonly Pattern[] {
    if (texts.length === 0) return NONE;
    const patterns = new Set<Pattern>();
    for (const text of texts) {
      const pattern = this.#intern(text, onNew);
      if (pattern !== null) patterns.add(pattern);
    }
    return [...patterns];
  }

  /** The pattern of a text, `null` if it is malformed and matches nothing. */
  #intern(text: string, onNew: (pattern: Pattern) => void): Pattern | null {
    const known = this.#byText.get(text);
    if (known !== undefined) {
      this.#unused.delete(known);
      return known;
    }
    const glob = compileGlob(text);
    if (glob.malformed) return null;
    const pattern = new Pattern(this.#nextId++, text, glob);
    this.#byText.set(text, pattern);
    this.#file(pattern);
    onNew(pattern);
    return pattern;
  }

  #sweep(): void {
    if (this.#unused.size < MIN_UNUSED || this.#unused.size * 2 < this.#byText.size) return;
    for (const pattern of this.#unused) {
      this.#byText.delete(pattern.text);
      this.#unfile(pattern);
      for (const entry of pattern.names) {
        entry.matching.splice(entry.matching.indexOf(pattern), 1);
        entry.shape = null;
      }
    }
    this.#unused.clear();
  }

  #file(pattern: Pattern): void {
    const { glob } = pattern;
    if (pattern.universal) this.#universal.add(pattern);
    else if (glob.isLiteral) {
      const same = this.#literals.get(glob.literalPrefix) ?? new Set<Pattern>();
      this.#literals.set(glob.literalPrefix, same.add(pattern));
      const entry = this.#entries.get(glob.literalPrefix);
      if (entry !== undefined) link(pattern, entry);
    } else {
      const { map, affix } = this.#placeOf(pattern);
      map.add(affix, pattern);
      const candidates = map === this.#prefixes ? this.#names.startingWith(affix) : this.#endingWith(affix);
      for (const entry of candidates) if (pattern.test(entry.name)) link(pattern, entry);
    }
  }

  /** @param affix The end, written backwards. */
  #endingWith(affix: string): Iterable<UnitEntry> {
    // For a few patterns, looking at every name is quicker than sorting them all.
    if (this.#reversed === null && this.#suffixes.size < MIN_SUFFIXES) return this.#entries.values();
    if (this.#reversed === null) {
      this.#reversed = new NameIndex();
      for (const entry of this.#entries.values()) this.#reversed.add(reverse(entry.name), entry);
    }
    return this.#reversed.startingWith(affix);
  }

  #unfile(pattern: Pattern): void {
    if (pattern.universal) this.#universal.delete(pattern);
    else if (pattern.glob.isLiteral) {
      const same = this.#literals.get(pattern.glob.literalPrefix);
      same?.delete(pattern);
      if (same?.size === 0) this.#literals.delete(pattern.glob.literalPrefix);
    } else {
      const { map, affix } = this.#placeOf(pattern);
      map.remove(affix, pattern);
    }
  }

  /** Files under the end only if it says more than the beginning; the type, such as `.service`, says nothing. */
  #placeOf({ text, glob }: Pattern): { readonly map: AffixMap; readonly affix: string } {
    const suffix = /[^*?[\]\\]*$/.exec(text)?.[0] ?? '';
    const telling = suffix.includes('.') ? suffix.lastIndexOf('.') : 0;
    if (telling > glob.literalPrefix.length || glob.literalPrefix === '') return { map: this.#suffixes, affix: reverse(suffix) };
    return { map: this.#prefixes, affix: glob.literalPrefix };
  }
}

/** Patterns by a text that the names they match start with. */
class AffixMap {
  readonly #patterns = new Map<string, Set<Pattern>>();
  /** How many texts have each length: a name looks up one text of each length. */
  readonly #lengths = new Map<number, number>();

  get size(): number {
    return this.#patterns.size;
  }

  add(affix: string, pattern: Pattern): void {
    const same = this.#patterns.get(affix);
    if (same !== undefined) same.add(pattern);
    else {
      this.#patterns.set(affix, new Set([pattern]));
      this.#lengths.set(affix.length, (this.#lengths.get(affix.length) ?? 0) + 1);
    }
  }

  remove(affix: string, pattern: Pattern): void {
    const same = this.#patterns.get(affix);
    same?.delete(pattern);
    if (same?.size !== 0) return;
    this.#patterns.delete(affix);
    const left = (this.#lengths.get(affix.length) ?? 0) - 1;
    if (left > 0) this.#lengths.set(affix.length, left);
    else this.#lengths.delete(affix.length);
  }

  *of(name: string): Generator<Pattern> {
    for (const length of this.#lengths.keys()) {
      if (length <= name.length) yield* this.#patterns.get(name.slice(0, length)) ?? [];
    }
  }
}

function link(pattern: Pattern, entry: UnitEntry): void {
  if (pattern.names.has(entry)) return;
  pattern.names.add(entry);
  entry.matching.push(pattern);
  entry.shape = null;
  if (entry.global) pattern.globalNames++;
}

function unlink(pattern: Pattern, entry: UnitEntry): void {
  pattern.names.delete(entry);
  if (entry.global) pattern.globalNames--;
}

function reverse(text: string): string {
  let reversed = '';
  for (let at = text.length - 1; at >= 0; at--) reversed += text.charAt(at);
  return reversed;
}
