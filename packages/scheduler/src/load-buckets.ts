import { type Bits, clearBit, createBits, eachBit, andBits, firstCommonBit, orBits, setBit, subtractBits } from './bits.ts';

interface Bucket {
  readonly bits: Bits;
  size: number;
  /** No word of `bits` before this one holds a machine: they leave from the front. */
  from: number;
}

/** Machines by how many units count there. Slots are in byte order of machine ids, so the first of a bucket has the smallest id. */
export class LoadBuckets {
  readonly #capacity: number;
  readonly #loads: Int32Array;
  readonly #buckets = new Map<number, Bucket>();
  /** Loads that some machine has, ascending. */
  readonly #order: number[] = [];
  readonly #all: Bits;
  /** Empty buckets to use again: a machine passes through many loads. */
  readonly #spare: Bucket[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#loads = new Int32Array(capacity);
    this.#all = createBits(capacity);
  }

  /** The machines that are present. */
  get all(): Bits {
    return this.#all;
  }

  add(slot: number): void {
    this.#loads[slot] = 0;
    setBit(this.#all, slot);
    this.#enter(slot, 0);
  }

  remove(slot: number): void {
    this.#leave(slot, this.load(slot));
    clearBit(this.#all, slot);
  }

  load(slot: number): number {
    return this.#loads[slot] ?? 0;
  }

  change(slot: number, by: number): void {
    if (by === 0) return;
    const load = this.load(slot);
    this.#leave(slot, load);
    this.#enter(slot, load + by);
    this.#loads[slot] = load + by;
  }

  /** The least loaded of these machines, the one with the smallest id among equals; -1 if there is none. */
  first(mask: Bits): number {
    for (const load of this.#order) {
      const bucket = this.#buckets.get(load);
      const slot = bucket === undefined ? -1 : firstCommonBit(bucket.bits, mask, skipEmpty(bucket));
      if (slot >= 0) return slot;
    }
    return -1;
  }

  /** These machines, least loaded first. */
  *inOrder(mask: Bits): Generator<number> {
    for (const load of this.#order) {
      const bucket = this.#buckets.get(load);
      if (bucket === undefined) continue;
      const common = bucket.bits.slice();
      andBits(common, mask);
      yield* eachBit(common);
    }
  }

  /** Adds the machines on which anything counts to a set. */
  orLoadedInto(mask: Bits): void {
    const loaded = this.#all.slice();
    const empty = this.#buckets.get(0);
    if (empty !== undefined) subtractBits(loaded, empty.bits);
    orBits(mask, loaded);
  }

  #enter(slot: number, load: number): void {
    let bucket = this.#buckets.get(load);
    if (bucket === undefined) {
      bucket = this.#spare.pop() ?? { bits: createBits(this.#capacity), size: 0, from: 0 };
      this.#buckets.set(load, bucket);
    }
    if (bucket.size === 0) this.#order.splice(this.#positionOf(load), 0, load);
    const word = slot >>> 5;
    if (bucket.size === 0 || word < bucket.from) bucket.from = word;
    bucket.size++;
    setBit(bucket.bits, slot);
  }

  #leave(slot: number, load: number): void {
    const bucket = this.#buckets.get(load);
    if (bucket === undefined) return;
    clearBit(bucket.bits, slot);
    bucket.size--;
    if (bucket.size > 0) return;
    this.#order.splice(this.#positionOf(load), 1);
    this.#buckets.delete(load);
    this.#spare.push(bucket);
  }

  #positionOf(load: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle] ?? 0) < load) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function skipEmpty(bucket: Bucket): number {
  while (bucket.from < bucket.bits.length && bucket.bits[bucket.from] === 0) bucket.from++;
  return bucket.from;
}
