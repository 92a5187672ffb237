import type { UnitEntry } from './entries.ts';

/** So many new names are looked through one by one before they are sorted in. */
const MAX_UNSORTED = 64;

/** Names in order (that of `<`, which will do for finding them), to find those that start with a text without looking at all. */
export class NameIndex {
  readonly #units: ReadonlyMap<string, UnitEntry>;
  readonly #turn: (text: string) => string;
  #sorted: string[] = [];
  /** Added since, not yet in `#sorted`. Names taken out stay in either until the next sorting. */
  #unsorted: string[] = [];

  /**
   * @param units The units whose names are kept, told of each change.
   * @param turn Makes of a name what is kept, and of that the name again: itself, or written backwards.
   */
  constructor(units: ReadonlyMap<string, UnitEntry>, turn: (text: string) => string) {
    this.#units = units;
    this.#turn = turn;
  }

  add(name: string): void {
    this.#unsorted.push(this.#turn(name));
    // Names that come and go must not pile up where nobody asks.
    if (this.#unsorted.length > 2 * (MAX_UNSORTED + this.#units.size)) this.#sortIn();
  }

  /** Units of the names that start with this when turned, some perhaps twice. */
  *startingWith(prefix: string): Generator<UnitEntry> {
    if (this.#unsorted.length > MAX_UNSORTED) this.#sortIn();
    for (let at = this.#firstNotBefore(prefix); at < this.#sorted.length; at++) {
      const text = this.#sorted[at] ?? '';
      if (!text.startsWith(prefix)) break;
      const entry = this.#units.get(this.#turn(text));
      if (entry !== undefined) yield entry;
    }
    for (const text of this.#unsorted) {
      const entry = text.startsWith(prefix) ? this.#units.get(this.#turn(text)) : undefined;
      if (entry !== undefined) yield entry;
    }
  }

  #sortIn(): void {
    // Both lists may hold a name that was taken out and added again.
    const all = this.#sorted.concat(this.#unsorted).sort();
    this.#sorted = all.filter((text, at) => text !== all[at - 1] && this.#units.has(this.#turn(text)));
    this.#unsorted = [];
  }

  #firstNotBefore(prefix: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? '') < prefix) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
