import type { UnitEntry } from './entries.ts';

const NONE: ReadonlySet<UnitEntry> = new Set();

/** Who names whom as MachineOf; a unit that is not known may have followers too. */
export class FollowerIndex {
  readonly #followers = new Map<string, Set<UnitEntry>>();

  /** Units that name this one. */
  of(name: string): ReadonlySet<UnitEntry> {
    // Most clusters have few followers, and this is asked each time a unit is counted somewhere.
    return this.#followers.size === 0 ? NONE : (this.#followers.get(name) ?? NONE);
  }

  add(entry: UnitEntry): void {
    for (const target of entry.unit.requirements.machineOf) {
      const followers = this.#followers.get(target) ?? new Set<UnitEntry>();
      this.#followers.set(target, followers.add(entry));
    }
  }

  remove(entry: UnitEntry): void {
    for (const target of entry.unit.requirements.machineOf) {
      const followers = this.#followers.get(target);
      followers?.delete(entry);
      if (followers?.size === 0) this.#followers.delete(target);
    }
  }
}
