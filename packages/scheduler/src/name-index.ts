/** So many new names are looked through one by one before they are sorted in. */
const MAX_UNSORTED = 64;

/** Names in order (that of `<`, which will do for finding them), to find those that start with a text without looking at all. */
export class NameIndex<T> {
  readonly #entries = new Map<string, T>();
  #sorted: string[] = [];
  /** Added since, not yet in `#sorted`. Names taken out stay in either until the next sorting. */
  #unsorted: string[] = [];

  add(name: string, entry: T): void {
    if (!this.#entries.has(name)) this.#unsorted.push(name);
    this.#entries.set(name, entry);
  }

  remove(name: string): void {
    this.#entries.delete(name);
  }

  *startingWith(prefix: string): Generator<T> {
    if (this.#unsorted.length > MAX_UNSORTED) this.#sortIn();
    for (let at = this.#firstNotBefore(prefix); at < this.#sorted.length; at++) {
      const name = this.#sorted[at] ?? '';
      if (!name.startsWith(prefix)) break;
      const entry = this.#entries.get(name);
      if (entry !== undefined) yield entry;
    }
    for (const name of this.#unsorted) {
      const entry = name.startsWith(prefix) ? this.#entries.get(name) : undefined;
      if (entry !== undefined) yield entry;
    }
  }

  #sortIn(): void {
    // Both lists may hold a name that was taken out and added again.
    const all = this.#sorted.concat(this.#unsorted).sort();
    this.#sorted = all.filter((name, at) => name !== all[at - 1] && this.#entries.has(name));
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
