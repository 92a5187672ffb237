import { andBits, type Bits, clearBit, createBits, eachBit, hasBit, setBit } from './bits.ts';

/** A set of machines, by slot. */
export class SlotSet {
  #bits: Bits | null = null;

  has(slot: number): boolean {
    return this.#bits !== null && hasBit(this.#bits, slot);
  }

  /** @param capacity How many slots there are. */
  add(slot: number, capacity: number): void {
    this.#bits ??= createBits(capacity);
    setBit(this.#bits, slot);
  }

  remove(slot: number): void {
    if (this.#bits !== null) clearBit(this.#bits, slot);
  }

  reset(): void {
    this.#bits = null;
  }

  orInto(mask: Bits): void {
    for (const slot of this.slots()) setBit(mask, slot);
  }

  /** Takes the machines that are not in it out of a set. */
  keepIn(mask: Bits): void {
    if (this.#bits === null) mask.fill(0);
    else andBits(mask, this.#bits);
  }

  slots(): readonly number[] {
    return this.#bits === null ? NONE : [...eachBit(this.#bits)];
  }
}

const NONE: readonly number[] = [];
