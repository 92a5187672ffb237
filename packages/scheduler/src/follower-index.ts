import { NO_UNITS, type UnitEntry } from './entries.ts';

/** Who names whom as MachineOf; a unit that is not known may have followers too. */
export class FollowerIndex {
  readonly #units: ReadonlyMap<string, UnitEntry>;
  readonly #followers = new Map<string, Set<UnitEntry>>();

  constructor(units: ReadonlyMap<string, UnitEntry>) {
    this.#units = units;
  }

  /** Tells a unit that has just become known who follows it. */
  enter(entry: UnitEntry): void {
    entry.followers = this.#followers.get(entry.name) ?? NO_UNITS;
  }

  /** Notes whom a unit follows. */
  add(entry: UnitEntry): void {
    for (const target of entry.unit.requirements.machineOf) {
      const followers = this.#followers.get(target) ?? new Set<UnitEntry>();
      this.#followers.set(target, followers.add(entry));
      this.#tell(target, followers);
    }
  }

  remove(entry: UnitEntry): void {
    for (const target of entry.unit.requirements.machineOf) {
      const followers = this.#followers.get(target);
      followers?.delete(entry);
      if (followers?.size !== 0) continue;
      this.#followers.delete(target);
      this.#tell(target, NO_UNITS);
    }
  }

  #tell(name: string, followers: ReadonlySet<UnitEntry>): void {
    const entry = this.#units.get(name);
    if (entry !== undefined) entry.followers = followers;
  }
}
