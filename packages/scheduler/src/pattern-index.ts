import { compileGlob } from '@fleet/unit-parser';
import { AffixMap } from './affix-map.ts';
import { Pattern, type UnitEntry } from './entries.ts';
import { GramIndex } from './gram-index.ts';
import { literalParts } from './literal-parts.ts';
import { NameIndex } from './name-index.ts';

/** Unused patterns are swept out when there are more of them than used ones, but not before there are so many. */
const MIN_UNUSED = 256;
/** From so many patterns filed by their end, or by a part, names are kept so that these can be found. */
const MIN_FILED = 8;
/** So many patterns may share a beginning or end before they are filed by what is between. */
const CROWDED = 16;
/** Parts are cut to so many characters: a name looks up all of its own of each length. */
const MAX_PART = 8;
const MIN_PART = 2;
const NONE: readonly Pattern[] = [];

/** Where a pattern is filed. */
interface Place {
  readonly map: AffixMap;
  /** Ends are written backwards. */
  readonly affix: string;
}

/**
 * Which patterns match which names, kept up to date from both sides. Patterns are filed under their literal beginning or end, or a
 * literal part between, so that a new name meets few patterns and a new pattern few names.
 */
export class PatternIndex {
  readonly #byText = new Map<string, Pattern>();
  readonly #literals = new Map<string, Set<Pattern>>();
  readonly #prefixes = new AffixMap();
  readonly #suffixes = new AffixMap();
  readonly #parts = new AffixMap();
  readonly #units: ReadonlyMap<string, UnitEntry>;
  readonly #names: NameIndex;
  /** Names written backwards; `null` until enough patterns need it. */
  #reversed: NameIndex | null = null;
  readonly #grams: GramIndex;
  readonly #places = new Map<Pattern, Place>();
  readonly #universal = new Set<Pattern>();
  readonly #unused = new Set<Pattern>();
  #nextId = 0;

  /** @param units Those whose names are looked at; `addName` and `removeName` tell of each that comes or goes. */
  constructor(units: ReadonlyMap<string, UnitEntry>) {
    this.#units = units;
    this.#names = new NameIndex(units, (name) => name);
    this.#grams = new GramIndex(units);
  }

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

  /** Takes in the name of a unit that has just been added to `units`. */
  addName(entry: UnitEntry): void {
    const { name } = entry;
    this.#names.add(name);
    this.#reversed?.add(name);
    this.#grams.add(name);
    if (this.#byText.size === 0) return;
    for (const pattern of this.#literals.get(name) ?? []) link(pattern, entry);
    for (const pattern of this.#prefixes.atStartOf(name)) if (pattern.test(name)) link(pattern, entry);
    if (this.#suffixes.size > 0) for (const pattern of this.#suffixes.atStartOf(reverse(name))) if (pattern.test(name)) link(pattern, entry);
    for (const pattern of this.#parts.inside(name)) if (pattern.test(name)) link(pattern, entry);
  }

  /** Takes out the name of a unit that is about to be taken out of `units`. */
  removeName(entry: UnitEntry): void {
    this.#grams.remove();
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
      const entry = this.#units.get(glob.literalPrefix);
      if (entry !== undefined) link(pattern, entry);
    } else {
      const { map, affix } = this.#choosePlace(pattern);
      map.add(affix, pattern);
      this.#places.set(pattern, { map, affix });
      for (const entry of this.#namesFor(map, affix)) if (pattern.test(entry.name)) link(pattern, entry);
    }
  }

  #unfile(pattern: Pattern): void {
    if (pattern.universal) this.#universal.delete(pattern);
    else if (pattern.glob.isLiteral) {
      const same = this.#literals.get(pattern.glob.literalPrefix);
      same?.delete(pattern);
      if (same?.size === 0) this.#literals.delete(pattern.glob.literalPrefix);
    } else {
      const place = this.#places.get(pattern);
      place?.map.remove(place.affix, pattern);
      this.#places.delete(pattern);
    }
  }

  /** The names among which those are that a pattern filed there can match. */
  #namesFor(map: AffixMap, affix: string): Iterable<UnitEntry> {
    if (map === this.#prefixes) return this.#names.startingWith(affix);
    // For a few patterns, looking at every name is quicker than ordering them all.
    if (map.size < MIN_FILED) return this.#units.values();
    if (map === this.#parts) return this.#grams.holding(affix);
    if (this.#reversed === null) {
      this.#reversed = new NameIndex(this.#units, reverse);
      for (const name of this.#units.keys()) this.#reversed.add(name);
    }
    return this.#reversed.startingWith(affix);
  }

  /** Under the longer of beginning and end, of which the type, such as `.service`, says nothing. Where that is crowded, elsewhere. */
  #choosePlace({ text, glob }: Pattern): Place {
    const parts = literalParts(text);
    const end = parts.at(-1) ?? '';
    const telling = end.includes('.') ? end.lastIndexOf('.') : 0;
    const byStart: Place = { map: this.#prefixes, affix: glob.literalPrefix };
    const byEnd: Place = { map: this.#suffixes, affix: reverse(end) };
    const places = telling > glob.literalPrefix.length || glob.literalPrefix === '' ? [byEnd, byStart] : [byStart, byEnd];
    const part = longest(parts.slice(1, -1)).slice(-MAX_PART);
    if (part.length >= MIN_PART) places.push({ map: this.#parts, affix: part });
    const telltale = places.filter((place) => place !== byStart || glob.literalPrefix !== '').filter((place) => place !== byEnd || telling > 0);
    return telltale.find((place) => place.map.count(place.affix) < CROWDED) ?? telltale[0] ?? byEnd;
  }
}

function longest(texts: readonly string[]): string {
  return texts.reduce((best, text) => (text.length > best.length ? text : best), '');
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
