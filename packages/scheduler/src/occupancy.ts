import type { Dirt } from './dirt.ts';
import type { MachineEntry, Pattern, UnitEntry } from './entries.ts';
import { LoadBuckets } from './load-buckets.ts';
import type { PatternIndex } from './pattern-index.ts';
import type { SlotTable } from './slot-table.ts';

/** What is counted on which machine: loads, and where the patterns of units match. Notes what follows for others when that changes. */
export class Occupancy {
  /** Units that should have a machine and have none. */
  readonly waiting = new Set<UnitEntry>();
  readonly #dirt: Dirt;
  readonly #patterns: PatternIndex;
  readonly #slots: SlotTable;
  #loads: LoadBuckets;

  constructor(dirt: Dirt, patterns: PatternIndex, slots: SlotTable) {
    this.#dirt = dirt;
    this.#patterns = patterns;
    this.#slots = slots;
    this.#loads = new LoadBuckets(slots.capacity);
  }

  get loads(): LoadBuckets {
    return this.#loads;
  }

  /** Forgets everything, for slots that were dealt anew. */
  reset(): void {
    this.#patterns.resetCounts();
    this.#loads = new LoadBuckets(this.#slots.capacity);
  }

  /** Whether any unit but itself that is counted on the machine is in conflict with this one. */
  hasConflict(entry: UnitEntry, machine: MachineEntry): boolean {
    const here = entry.counted && entry.machine === machine;
    for (const pattern of entry.conflicts) {
      const itself = here && pattern.matches(entry) ? 1 : 0;
      const matched = pattern.universal ? this.#loads.load(machine.slot) : pattern.matched.count(machine.slot);
      if (matched > itself) return true;
    }
    for (const pattern of this.#patterns.matching(entry)) {
      const itself = here && pattern.conflictDeclarers.has(entry) ? 1 : 0;
      if (pattern.conflicting.count(machine.slot) > itself) return true;
    }
    return false;
  }

  /** Counts a unit in or out of a machine. */
  move(entry: UnitEntry, slot: number, by: 1 | -1): void {
    this.contribute(entry, slot, by);
    this.#loads.change(slot, by);
  }

  /** Counts a unit in or out of what its patterns know of a machine; the load is the caller's. */
  contribute(entry: UnitEntry, slot: number, by: 1 | -1): void {
    const { capacity } = this.#slots;
    if (by === 1) {
      for (const pattern of entry.matching) pattern.matched.add(slot, capacity);
      for (const pattern of entry.conflicts) pattern.conflicting.add(slot, capacity);
      if (entry.global) entry.running.add(slot, capacity);
      else for (const pattern of entry.replaces) pattern.replacing.add(slot, capacity);
    } else {
      for (const pattern of entry.matching) pattern.matched.remove(slot);
      for (const pattern of entry.conflicts) pattern.conflicting.remove(slot);
      if (entry.global) entry.running.remove(slot);
      else for (const pattern of entry.replaces) pattern.replacing.remove(slot);
    }
  }

  /** Counts, for a pattern that is new, the units whose names it matches. */
  countPattern(pattern: Pattern): void {
    const { capacity } = this.#slots;
    for (const entry of pattern.names) {
      if (entry.counted && entry.machine !== null) pattern.matched.add(entry.machine.slot, capacity);
      for (const slot of entry.running.slots()) pattern.matched.add(slot, capacity);
    }
  }

  /** Followers that wait may have a place now. */
  noteCounted(entry: UnitEntry): void {
    for (const follower of entry.followers) if (follower.waiting) this.#dirt.tries.add(follower);
  }

  /** Followers beside it may have to leave, and units that it kept away may come. */
  noteUncounted(entry: UnitEntry, machine: MachineEntry): void {
    this.#dirt.freed = true;
    for (const follower of entry.followers) if (follower.machine === machine) this.#dirt.review.add(follower);
    if (this.waiting.size === 0 || this.#dirt.everyTry) return;
    for (const pattern of entry.conflicts) this.#tryWaiting(pattern.universal ? null : pattern.names, (other) => pattern.matches(other));
    for (const pattern of this.#patterns.matching(entry)) {
      this.#tryWaiting(pattern.conflictDeclarers, (other) => pattern.conflictDeclarers.has(other));
    }
  }

  /** Walks over the smaller of the waiting units and those concerned. */
  #tryWaiting(concerned: ReadonlySet<UnitEntry> | null, isConcerned: (entry: UnitEntry) => boolean): void {
    const { tries } = this.#dirt;
    if (concerned !== null && concerned.size < this.waiting.size) {
      for (const other of concerned) if (other.waiting) tries.add(other);
    } else for (const other of this.waiting) if (isConcerned(other)) tries.add(other);
  }
}
