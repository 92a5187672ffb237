import type { Dirt } from './dirt.ts';
import type { UnitEntry } from './entries.ts';
import type { GlobalUnits } from './global-units.ts';
import type { Occupancy } from './occupancy.ts';

/** The units that are placed one by one: counted on their machine while they are active and it is present. */
export class PlacedUnits {
  readonly #dirt: Dirt;
  readonly #occupancy: Occupancy;
  readonly #globals: GlobalUnits;

  constructor(dirt: Dirt, occupancy: Occupancy, globals: GlobalUnits) {
    this.#dirt = dirt;
    this.#occupancy = occupancy;
    this.#globals = globals;
  }

  count(entry: UnitEntry): void {
    const { machine } = entry;
    if (machine?.present !== true || entry.counted || !entry.active || entry.global) return;
    this.#occupancy.move(entry, machine.slot, 1);
    entry.counted = true;
    this.#occupancy.noteCounted(entry);
    this.#globals.refreshBeside(entry, machine);
  }

  uncount(entry: UnitEntry): void {
    const { machine } = entry;
    if (!entry.counted || machine === null) return;
    this.#occupancy.move(entry, machine.slot, -1);
    entry.counted = false;
    this.#occupancy.noteUncounted(entry, machine);
    this.#globals.refreshBeside(entry, machine);
  }

  /** Notes whether the unit is one that should have a machine and has none. */
  sortWaiting(entry: UnitEntry): void {
    if (entry.waiting) this.#occupancy.waiting.add(entry);
    else this.#occupancy.waiting.delete(entry);
  }

  /** Notes what a change of a unit, or of its placement, may make necessary for itself. */
  noteStanding(entry: UnitEntry): void {
    const dirt = this.#dirt;
    if (entry.pending !== null) dirt.standing.add(entry);
    if (entry.waiting) dirt.tries.add(entry);
    if (entry.machine === null) dirt.stale.delete(entry.name);
    else if (entry.global) dirt.stale.add(entry.name);
    else {
      dirt.stale.delete(entry.name);
      dirt.review.add(entry);
      if (entry.machine.present) dirt.machines.add(entry.machine);
    }
  }
}
