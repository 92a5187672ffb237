import type { Metadata } from '@fleet/model';
import { andBits, type Bits, createBits, hasBit, setBit } from './bits.ts';
import type { MachineEntry } from './entries.ts';
import { SlotCounter } from './slot-counter.ts';

const SHORT_ID = 8;

/** Machines that are present, by what units can ask of them: metadata, whole id, short id. */
export class MachineIndex {
  readonly #metadata = new Map<string, Map<string, SlotCounter>>();
  readonly #ids = new Map<string, Set<MachineEntry>>();

  add(machine: MachineEntry, capacity: number): void {
    for (const id of new Set([machine.id, machine.id.slice(0, SHORT_ID)])) {
      const same = this.#ids.get(id) ?? new Set<MachineEntry>();
      this.#ids.set(id, same.add(machine));
    }
    this.addMetadata(machine.slot, machine.machine.metadata, capacity);
  }

  remove(machine: MachineEntry): void {
    for (const id of new Set([machine.id, machine.id.slice(0, SHORT_ID)])) {
      const same = this.#ids.get(id);
      same?.delete(machine);
      if (same?.size === 0) this.#ids.delete(id);
    }
    this.removeMetadata(machine.slot, machine.machine.metadata);
  }

  addMetadata(slot: number, metadata: Metadata, capacity: number): void {
    for (const [key, value] of Object.entries(metadata)) {
      const values = this.#metadata.get(key) ?? new Map<string, SlotCounter>();
      this.#metadata.set(key, values);
      const machines = values.get(value) ?? new SlotCounter();
      values.set(value, machines);
      machines.add(slot, capacity);
    }
  }

  removeMetadata(slot: number, metadata: Metadata): void {
    for (const [key, value] of Object.entries(metadata)) {
      const values = this.#metadata.get(key);
      const machines = values?.get(value);
      machines?.remove(slot);
      if (machines?.size === 0) values?.delete(value);
      if (values?.size === 0) this.#metadata.delete(key);
    }
  }

  clear(): void {
    this.#metadata.clear();
    this.#ids.clear();
  }

  /** Keeps the machines that have one of the values for the key. */
  keepMetadata(mask: Bits, key: string, allowed: ReadonlySet<string>): void {
    const values = this.#metadata.get(key);
    const [only, ...more] = allowed;
    if (only !== undefined && more.length === 0) {
      const machines = values?.get(only);
      if (machines === undefined) mask.fill(0);
      else machines.keepIn(mask);
      return;
    }
    const machines = createBits(mask.length * 32);
    if (values !== undefined) for (const value of allowed) values.get(value)?.orInto(machines);
    andBits(mask, machines);
  }

  /** Keeps the machines with this id, or whose id begins with it if it has eight characters. */
  keepId(mask: Bits, wanted: string): void {
    const matching = wanted === '' ? [] : [...(this.#ids.get(wanted) ?? [])];
    const kept = matching.filter((machine) => hasBit(mask, machine.slot));
    mask.fill(0);
    for (const machine of kept) setBit(mask, machine.slot);
  }
}
