import { andBits, type Bits, clearBit, createBits, hasBit, orBits, setBit } from './bits.ts';

/** From so many slots on, a set of bits is kept beside the counts. */
const DENSE = 48;

/** How often something is on each machine, by the machine's slot. Small while it is on few. */
export class SlotCounter {
  #counts: Map<number, number> | null = null;
  #bits: Bits | null = null;

  /** On how many machines it is. */
  get size(): number {
    return this.#counts?.size ?? 0;
  }

  count(slot: number): number {
    return this.#counts?.get(slot) ?? 0;
  }

  /** @param capacity How many slots there are. */
  add(slot: number, capacity: number): void {
    this.#counts ??= new Map();
    const before = this.#counts.get(slot) ?? 0;
    this.#counts.set(slot, before + 1);
    if (before > 0) return;
    if (this.#bits !== null) setBit(this.#bits, slot);
    else if (this.#counts.size >= DENSE) {
      this.#bits = createBits(capacity);
      for (const each of this.#counts.keys()) setBit(this.#bits, each);
    }
  }

  remove(slot: number): void {
    const before = this.#counts?.get(slot) ?? 0;
    if (before > 1) this.#counts?.set(slot, before - 1);
    else {
      this.#counts?.delete(slot);
      if (this.#bits !== null) clearBit(this.#bits, slot);
    }
  }

  reset(): void {
    this.#counts = null;
    this.#bits = null;
  }

  /** Adds the machines on which it is to a set. */
  orInto(mask: Bits): void {
    if (this.#bits !== null) orBits(mask, this.#bits);
    else if (this.#counts !== null) for (const slot of this.#counts.keys()) setBit(mask, slot);
  }

  /** Takes the machines on which it is not out of a set. */
  keepIn(mask: Bits): void {
    if (this.#bits !== null) {
      andBits(mask, this.#bits);
      return;
    }
    const kept = [...this.slots()].filter((slot) => hasBit(mask, slot));
    mask.fill(0);
    for (const slot of kept) setBit(mask, slot);
  }

  slots(): Iterable<number> {
    return this.#counts?.keys() ?? [];
  }
}
