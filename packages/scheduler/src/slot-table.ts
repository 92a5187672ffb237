import type { MachineId } from '@fleet/model';
import type { MachineEntry } from './entries.ts';
import { compareBytes } from './order.ts';

const MIN_CAPACITY = 32;

/** Deals numbers to machines so that they are in byte order of the ids, with gaps for machines to come. */
export class SlotTable {
  #slots: (MachineEntry | undefined)[] = new Array<undefined>(MIN_CAPACITY);
  #size = 0;

  get capacity(): number {
    return this.#slots.length;
  }

  get size(): number {
    return this.#size;
  }

  at(slot: number): MachineEntry | undefined {
    return this.#slots[slot];
  }

  machines(): MachineEntry[] {
    return this.#slots.filter((machine) => machine !== undefined);
  }

  /** Gives a machine a number between its neighbours; `false` if there is none free, and all have to be dealt anew. */
  insert(machine: MachineEntry): boolean {
    const before = this.#lastBefore(machine.id);
    let after = before + 1;
    while (after < this.#slots.length && this.#slots[after] === undefined) after++;
    const slot = (before + after) >> 1;
    if (slot === before) return false;
    this.#take(machine, slot);
    return true;
  }

  remove(machine: MachineEntry): void {
    this.#slots[machine.slot] = undefined;
    this.#size--;
    machine.slot = -1;
  }

  /** Deals to these machines, and no others, from the start. */
  deal(machines: Iterable<MachineEntry>): void {
    const sorted = [...machines].sort((a, b) => compareBytes(a.id, b.id));
    const capacity = Math.ceil((2 * sorted.length + MIN_CAPACITY) / 32) * 32;
    this.#slots = new Array<undefined>(capacity);
    this.#size = 0;
    for (const [i, machine] of sorted.entries()) this.#take(machine, Math.floor(((i + 0.5) * capacity) / sorted.length));
  }

  #take(machine: MachineEntry, slot: number): void {
    this.#slots[slot] = machine;
    this.#size++;
    machine.slot = slot;
  }

  /** The last taken slot whose id is smaller, -1 if there is none. Gaps are short on average, so the search steps over them. */
  #lastBefore(id: MachineId): number {
    let low = 0;
    let high = this.#slots.length;
    let found = -1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      let taken = middle;
      while (taken >= low && this.#slots[taken] === undefined) taken--;
      const machine = taken < low ? undefined : this.#slots[taken];
      if (machine === undefined) low = middle + 1;
      else if (compareBytes(machine.id, id) < 0) {
        found = taken;
        low = middle + 1;
      } else high = taken;
    }
    return found;
  }
}
