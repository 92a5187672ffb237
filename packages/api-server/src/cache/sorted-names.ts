/** Strings in byte order of their UTF-8, kept so while single ones come and go. */
export class SortedNames {
  readonly #names: string[] = [];

  constructor(names: Iterable<string>) {
    this.#names = [...names].sort(compareBytes);
  }

  get all(): readonly string[] {
    return this.#names;
  }

  add(name: string): void {
    const at = this.#position(name);
    if (this.#names[at] !== name) this.#names.splice(at, 0, name);
  }

  delete(name: string): void {
    const at = this.#position(name);
    if (this.#names[at] === name) this.#names.splice(at, 1);
  }

  /** Index of the first name after `name`. */
  after(name: string): number {
    const at = this.#position(name);
    return this.#names[at] === name ? at + 1 : at;
  }

  #position(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.#names[middle] ?? '', name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Order of the UTF-8 bytes; differs from the order of UTF-16 units only beyond the basic plane. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
