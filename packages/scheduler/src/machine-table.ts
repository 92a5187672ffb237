import type { MachineId, Metadata } from '@fleet/model';
import type { Dirt } from './dirt.ts';
import { MachineEntry } from './entries.ts';
import type { GlobalUnits } from './global-units.ts';
import type { MachineIndex } from './machine-index.ts';
import type { Occupancy } from './occupancy.ts';
import type { PlacedUnits } from './placed-units.ts';
import type { SlotTable } from './slot-table.ts';
import type { SchedulerMachine } from './types.ts';

/** The machines, those included that are gone while units are still placed on them. */
export class MachineTable {
  readonly #dirt: Dirt;
  readonly #slots: SlotTable;
  readonly #index: MachineIndex;
  readonly #occupancy: Occupancy;
  readonly #globals: GlobalUnits;
  readonly #placed: PlacedUnits;
  readonly #machines = new Map<MachineId, MachineEntry>();

  constructor(dirt: Dirt, slots: SlotTable, index: MachineIndex, occupancy: Occupancy, globals: GlobalUnits, placed: PlacedUnits) {
    this.#dirt = dirt;
    this.#slots = slots;
    this.#index = index;
    this.#occupancy = occupancy;
    this.#globals = globals;
    this.#placed = placed;
  }

  get(id: MachineId): MachineEntry | undefined {
    return this.#machines.get(id);
  }

  /** The machine of an id, which may have to be made up, as one that is gone. */
  resolve(id: MachineId): MachineEntry {
    const known = this.#machines.get(id);
    if (known !== undefined) return known;
    const entry = new MachineEntry({ id, metadata: {} });
    this.#machines.set(id, entry);
    return entry;
  }

  forgetIfUnused(machine: MachineEntry): void {
    if (!machine.present && machine.placed.size === 0) this.#machines.delete(machine.id);
  }

  /** Lets machines join, or change their metadata. */
  set(machines: Iterable<SchedulerMachine>): void {
    const entering: MachineEntry[] = [];
    for (const machine of machines) {
      const entry = this.resolve(machine.id);
      if (entry.present && sameMetadata(entry.machine.metadata, machine.metadata)) continue;
      if (entry.present && entry.slot >= 0) this.#changeMetadata(entry, machine);
      else {
        entry.machine = machine;
        if (!entry.present) entering.push(entry);
        entry.present = true;
      }
      for (const placed of entry.placed) this.#dirt.review.add(placed);
      this.#dirt.machines.add(entry);
      this.#dirt.allWaiting();
    }
    this.#enter(entering);
  }

  remove(id: MachineId): void {
    const entry = this.#machines.get(id);
    if (entry?.present !== true) return;
    this.#dirt.allWaiting();
    for (const placed of entry.placed) {
      this.#placed.uncount(placed);
      this.#dirt.review.add(placed);
    }
    this.#globals.clear(entry);
    this.#occupancy.loads.remove(entry.slot);
    this.#index.remove(entry);
    this.#slots.remove(entry);
    entry.present = false;
    this.forgetIfUnused(entry);
    this.#dirt.machines.delete(entry);
  }

  #enter(machines: readonly MachineEntry[]): void {
    const [only, ...more] = machines;
    if (only === undefined) return;
    if (more.length > 0 || !this.#slots.insert(only)) this.#dealSlots(machines);
    else this.#open(only);
    for (const machine of machines) {
      for (const placed of machine.placed) this.#placed.count(placed);
      this.#globals.refreshAll(machine);
    }
  }

  #open(machine: MachineEntry): void {
    this.#occupancy.loads.add(machine.slot);
    this.#index.add(machine, this.#slots.capacity);
  }

  #changeMetadata(entry: MachineEntry, machine: SchedulerMachine): void {
    this.#index.removeMetadata(entry.slot, entry.machine.metadata);
    this.#index.addMetadata(entry.slot, machine.metadata, this.#slots.capacity);
    entry.machine = machine;
    this.#globals.refreshAll(entry);
  }

  /** Gives all machines new slots, and counts everything again under them. */
  #dealSlots(entering: readonly MachineEntry[]): void {
    const known = this.#slots.machines();
    this.#globals.carryOver(() => {
      this.#index.clear();
      this.#slots.deal([...known, ...entering]);
      this.#occupancy.reset();
      for (const machine of this.#slots.machines()) this.#open(machine);
      for (const machine of known) {
        for (const placed of machine.placed) if (placed.counted) this.#occupancy.move(placed, machine.slot, 1);
      }
    });
  }
}

function sameMetadata(a: Metadata, b: Metadata): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
