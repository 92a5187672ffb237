import type { MachineId, UnitName } from '@fleet/model';
import { Dirt } from './dirt.ts';
import { type MachineEntry, UNDEFINED, UnitEntry } from './entries.ts';
import { FollowerIndex } from './follower-index.ts';
import { GlobalUnits } from './global-units.ts';
import type { LoadBuckets } from './load-buckets.ts';
import { MachineIndex } from './machine-index.ts';
import { MachineTable } from './machine-table.ts';
import { Occupancy } from './occupancy.ts';
import { sortByName } from './order.ts';
import { PatternIndex } from './pattern-index.ts';
import { PlacedUnits } from './placed-units.ts';
import { SlotTable } from './slot-table.ts';
import type { SchedulerMachine, SchedulerUnit } from './types.ts';

/**
 * The cluster with its indexes: what is counted where, kept up to date by each change. Each change notes in the dirt what it may have made
 * necessary or possible. Decides nothing.
 */
export class ClusterState {
  readonly dirt = new Dirt();
  readonly units = new Map<UnitName, UnitEntry>();
  readonly patterns = new PatternIndex(this.units);
  readonly index = new MachineIndex();
  /** Placements of names that are no known unit. */
  readonly orphans = new Map<UnitName, MachineId>();
  readonly #followers = new FollowerIndex(this.units);
  readonly #slots = new SlotTable();
  readonly #occupancy = new Occupancy(this.dirt, this.patterns, this.#slots);
  readonly #globals = new GlobalUnits(this.#occupancy, this.patterns, this.#slots);
  readonly #placed = new PlacedUnits(this.dirt, this.#occupancy, this.#globals);
  readonly #machines = new MachineTable(this.dirt, this.#slots, this.index, this.#occupancy, this.#globals, this.#placed);

  get loads(): LoadBuckets {
    return this.#occupancy.loads;
  }

  /** Units that should have a machine and have none. */
  get waiting(): ReadonlySet<UnitEntry> {
    return this.#occupancy.waiting;
  }

  /** Slots of machines are below this. */
  get capacity(): number {
    return this.#slots.capacity;
  }

  /** How many machines are present. */
  get machineCount(): number {
    return this.#slots.size;
  }

  machineAt(slot: number): MachineEntry | undefined {
    return this.#slots.at(slot);
  }

  machine(id: MachineId): MachineEntry | undefined {
    return this.#machines.get(id);
  }

  /** Those that are present, in byte order of ids. */
  presentMachines(): MachineEntry[] {
    return this.#slots.machines();
  }

  /** Whether a unit of this name is counted on the machine. */
  isCountedOn(name: string, machine: MachineEntry): boolean {
    const entry = this.units.get(name as UnitName);
    if (entry === undefined) return false;
    return entry.global ? entry.running.has(machine.slot) : entry.counted && entry.machine === machine;
  }

  /** What is counted on a machine that is present, in byte order. */
  countedOn(machine: MachineEntry): UnitEntry[] {
    const jobs = [...machine.placed].filter((entry) => entry.counted);
    return sortByName([...jobs, ...this.#globals.runningOn(machine)]);
  }

  /** Whether any unit but itself that is counted on the machine is in conflict with this one. */
  hasConflict(entry: UnitEntry, machine: MachineEntry): boolean {
    return this.#occupancy.hasConflict(entry, machine);
  }

  setMachines(machines: Iterable<SchedulerMachine>): void {
    this.#machines.set(machines);
  }

  removeMachine(id: MachineId): void {
    this.#machines.remove(id);
  }

  /** Adds or changes units. */
  setUnits(units: Iterable<SchedulerUnit>): void {
    const changed: (readonly [UnitEntry, SchedulerUnit])[] = [];
    for (const unit of units) {
      const known = this.units.get(unit.name);
      if (known?.unit.requirements === unit.requirements && known.unit.targetState === unit.targetState) continue;
      changed.push([known ?? this.#enterUnit(unit), unit]);
    }
    // All names are known before the first pattern looks for them: that is what makes a large cluster quick to read in.
    for (const [entry, unit] of changed) this.#changeUnit(entry, unit);
    this.#globals.settle();
  }

  /** Takes a unit and its placement out. */
  removeUnit(name: UnitName): void {
    if (this.orphans.delete(name)) this.dirt.stale.delete(name);
    const entry = this.units.get(name);
    if (entry === undefined) return;
    this.assign(entry, null);
    this.#withdraw(entry);
    this.#globals.settle();
    this.patterns.removeName(entry);
    this.units.delete(name);
    this.#occupancy.waiting.delete(entry);
    this.dirt.drop(entry);
    this.dirt.stale.delete(name);
    this.#occupancy.noteCounted(entry);
  }

  /** Notes where a unit is placed, as told from outside. */
  setPlacement(name: UnitName, id: MachineId | null): void {
    const entry = this.units.get(name);
    if (entry === undefined) {
      if (id === null) this.orphans.delete(name);
      else this.orphans.set(name, id);
      if (id === null) this.dirt.stale.delete(name);
      else this.dirt.stale.add(name);
      return;
    }
    if ((entry.machine?.id ?? null) === id) return;
    this.assign(entry, id === null ? null : this.#machines.resolve(id));
    this.#placed.noteStanding(entry);
  }

  /** Moves a unit in the model. Notes only what follows for others. */
  assign(entry: UnitEntry, machine: MachineEntry | null): void {
    const before = entry.machine;
    if (before !== null) {
      this.#placed.uncount(entry);
      before.placed.delete(entry);
      this.#machines.forgetIfUnused(before);
    }
    entry.machine = machine;
    if (machine !== null) {
      machine.placed.add(entry);
      this.#placed.count(entry);
    }
    this.#placed.sortWaiting(entry);
    if (entry.pending !== null) this.dirt.standing.add(entry);
  }

  #enterUnit(unit: SchedulerUnit): UnitEntry {
    const entry = new UnitEntry(unit.name);
    this.units.set(unit.name, entry);
    this.patterns.addName(entry);
    this.#followers.enter(entry);
    const orphan = this.orphans.get(unit.name);
    if (orphan !== undefined) {
      this.orphans.delete(unit.name);
      this.dirt.stale.delete(unit.name);
      entry.machine = this.#machines.resolve(orphan);
      entry.machine.placed.add(entry);
    }
    return entry;
  }

  #changeUnit(entry: UnitEntry, unit: SchedulerUnit): void {
    this.#placed.uncount(entry);
    if (entry.unit.requirements === unit.requirements) {
      entry.unit = unit;
      if (entry.global) this.#globals.unsettle(entry);
    } else {
      if (entry.unit !== UNDEFINED) this.#withdraw(entry);
      this.#introduce(entry, unit);
    }
    this.#placed.count(entry);
    this.#placed.sortWaiting(entry);
    // What is said of the followers that wait may change with it.
    this.#occupancy.noteCounted(entry);
    this.#placed.noteStanding(entry);
  }

  /** Takes out what a unit means for others, all but its name and placement. */
  #withdraw(entry: UnitEntry): void {
    this.#globals.notePatterns();
    this.#followers.remove(entry);
    if (entry.global) {
      this.#globals.remove(entry);
      for (const pattern of entry.matching) pattern.globalNames--;
    }
    this.patterns.delist(entry);
    this.#globals.notePatterns();
    entry.unit = UNDEFINED;
  }

  #introduce(entry: UnitEntry, unit: SchedulerUnit): void {
    this.#globals.notePatterns();
    entry.unit = unit;
    if (entry.global) for (const pattern of entry.matching) pattern.globalNames++;
    this.patterns.enlist(entry, (pattern) => this.#occupancy.countPattern(pattern));
    this.#followers.add(entry);
    if (entry.global) this.#globals.add(entry);
  }
}
