import type { UnitEntry } from './entries.ts';

const GRAM = 3;
/** So many names may be gone before the index is made anew. */
const MAX_STALE = 64;

/** Names by the three-letter parts they hold, to find those that hold a text without looking at all. Made when first asked. */
export class GramIndex {
  readonly #units: ReadonlyMap<string, UnitEntry>;
  #names: Map<string, string[]> | null = null;
  #stale = 0;

  constructor(units: ReadonlyMap<string, UnitEntry>) {
    this.#units = units;
  }

  add(name: string): void {
    if (this.#names !== null) enter(this.#names, name);
  }

  remove(): void {
    if (this.#names !== null && ++this.#stale > MAX_STALE + this.#units.size / 2) this.#names = null;
  }

  /** Names that may hold the text: all that do are among them. */
  *holding(text: string): Generator<UnitEntry> {
    if (text.length < GRAM) {
      yield* this.#units.values();
      return;
    }
    this.#names ??= this.#build();
    let rarest: readonly string[] | null = null;
    for (const gram of grams(text)) {
      const names: readonly string[] = this.#names.get(gram) ?? [];
      if (rarest === null || names.length < rarest.length) rarest = names;
    }
    for (const name of rarest ?? []) {
      const entry = this.#units.get(name);
      if (entry !== undefined) yield entry;
    }
  }

  #build(): Map<string, string[]> {
    this.#stale = 0;
    const names = new Map<string, string[]>();
    for (const name of this.#units.keys()) enter(names, name);
    return names;
  }
}

function enter(names: Map<string, string[]>, name: string): void {
  for (const gram of grams(name)) {
    const same = names.get(gram);
    if (same === undefined) names.set(gram, [name]);
    else if (same.at(-1) !== name) same.push(name);
  }
}

function* grams(text: string): Generator<string> {
  for (let at = 0; at + GRAM <= text.length; at++) yield text.slice(at, at + GRAM);
}
