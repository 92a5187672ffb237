import type { MachineId, Metadata, UnitName } from '@fleet/model';
import { Dirt } from './dirt.ts';
import { MachineEntry, type Pattern, UNDEFINED, UnitEntry } from './entries.ts';
import { meetsMetadata } from './fitness.ts';
import { LoadBuckets } from './load-buckets.ts';
import { MachineIndex } from './machine-index.ts';
import { compareBytes, sortByName } from './order.ts';
import { PatternIndex } from './pattern-index.ts';
import { SlotSet } from './slot-set.ts';
import { SlotTable } from './slot-table.ts';
import type { SchedulerMachine, SchedulerUnit } from './types.ts';

/**
 * The cluster with its indexes: what is counted where, kept up to date by each change. Each change notes in the dirt what it may have made
 * necessary or possible. Decides nothing.
 */
export class ClusterState {
  readonly dirt = new Dirt();
  readonly units = new Map<UnitName, UnitEntry>();
  readonly patterns = new PatternIndex();
  readonly index = new MachineIndex();
  /** Units that should have a machine and have none. */
  readonly waiting = new Set<UnitEntry>();
  /** Placements of names that are no known unit. */
  readonly orphans = new Map<UnitName, MachineId>();
  readonly #machines = new Map<MachineId, MachineEntry>();
  readonly #slots = new SlotTable();
  readonly #followers = new Map<string, Set<UnitEntry>>();
  #loads = new LoadBuckets(this.#slots.capacity);
  /** Global units in byte order. */
  #globals: UnitEntry[] = [];
  /** Those that can be in conflict with anything; `null` when that has to be found out again. */
  #contentious: ReadonlySet<UnitEntry> | null = new Set();
  /** Global units that are to be counted anew on all machines. */
  readonly #unsettled = new Set<UnitEntry>();

  get loads(): LoadBuckets {
    return this.#loads;
  }

  /** Slots of machines are below this. */
  get capacity(): number {
    return this.#slots.capacity;
  }

  /** How many machines are present. */
  get machineCount(): number {
    return this.#slots.size;
  }

  get globals(): readonly UnitEntry[] {
    return this.#globals;
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

  /** Units that name this one as MachineOf. */
  followers(name: string): Iterable<UnitEntry> {
    return this.#followers.get(name) ?? NO_FOLLOWERS;
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
    return sortByName([...jobs, ...this.#globals.filter((global) => global.running.has(machine.slot))]);
  }

  /** Whether any unit but itself that is counted on the machine is in conflict with this one. */
  hasConflict(entry: UnitEntry, machine: MachineEntry): boolean {
    const here = entry.counted && entry.machine === machine;
    for (const pattern of entry.conflicts) {
      const itself = here && pattern.matches(entry) ? 1 : 0;
      const matched = pattern.universal ? this.#loads.load(machine.slot) : pattern.matched.count(machine.slot);
      if (matched > itself) return true;
    }
    for (const pattern of this.patterns.matching(entry)) {
      const itself = here && pattern.conflictDeclarers.has(entry) ? 1 : 0;
      if (pattern.conflicting.count(machine.slot) > itself) return true;
    }
    return false;
  }

  setMachines(machines: Iterable<SchedulerMachine>): void {
    const entering: MachineEntry[] = [];
    for (const machine of machines) {
      const entry = this.#machineEntry(machine.id);
      if (entry.present && sameMetadata(entry.machine.metadata, machine.metadata)) continue;
      if (entry.present && entry.slot >= 0) this.#changeMetadata(entry, machine);
      else {
        entry.machine = machine;
        if (!entry.present) entering.push(entry);
        entry.present = true;
      }
      for (const placed of entry.placed) this.dirt.review.add(placed);
      this.dirt.machines.add(entry);
      this.dirt.allWaiting();
    }
    this.#enter(entering);
  }

  removeMachine(id: MachineId): void {
    const entry = this.#machines.get(id);
    if (entry?.present !== true) return;
    this.dirt.allWaiting();
    for (const placed of entry.placed) {
      this.#uncount(placed);
      this.dirt.review.add(placed);
    }
    for (const global of this.#globals) if (global.running.has(entry.slot)) this.#move(global, entry.slot, -1);
    this.#loads.remove(entry.slot);
    this.index.remove(entry);
    this.#slots.remove(entry);
    entry.present = false;
    this.#forgetIfUnused(entry);
    this.dirt.machines.delete(entry);
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
    this.#settleGlobals();
  }

  /** Takes a unit and its placement out. */
  removeUnit(name: UnitName): void {
    if (this.orphans.delete(name)) this.dirt.stale.delete(name);
    const entry = this.units.get(name);
    if (entry === undefined) return;
    this.assign(entry, null);
    this.#withdraw(entry);
    this.#settleGlobals();
    this.patterns.removeName(entry);
    this.units.delete(name);
    this.waiting.delete(entry);
    this.dirt.drop(entry);
    this.dirt.stale.delete(name);
    for (const follower of this.followers(name)) if (follower.waiting) this.dirt.tries.add(follower);
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
    this.assign(entry, id === null ? null : this.#machineEntry(id));
    this.#noteStanding(entry);
  }

  /** Moves a unit in the model. Notes only what follows for others. */
  assign(entry: UnitEntry, machine: MachineEntry | null): void {
    const before = entry.machine;
    if (before !== null) {
      this.#uncount(entry);
      before.placed.delete(entry);
      this.#forgetIfUnused(before);
    }
    entry.machine = machine;
    if (machine !== null) {
      machine.placed.add(entry);
      this.#count(entry);
    }
    if (entry.waiting) this.waiting.add(entry);
    else this.waiting.delete(entry);
    this.dirt.standing.add(entry);
  }

  // Machines.

  #machineEntry(id: MachineId): MachineEntry {
    const known = this.#machines.get(id);
    if (known !== undefined) return known;
    const entry = new MachineEntry({ id, metadata: {} });
    this.#machines.set(id, entry);
    return entry;
  }

  #forgetIfUnused(machine: MachineEntry): void {
    if (!machine.present && machine.placed.size === 0) this.#machines.delete(machine.id);
  }

  #enter(machines: readonly MachineEntry[]): void {
    const [only, ...more] = machines;
    if (only === undefined) return;
    if (more.length > 0 || !this.#slots.insert(only)) this.#dealSlots(machines);
    else this.#open(only);
    for (const machine of machines) {
      for (const placed of machine.placed) this.#count(placed);
      this.#refreshGlobals(machine, this.#globals);
    }
  }

  #open(machine: MachineEntry): void {
    this.#loads.add(machine.slot);
    this.index.add(machine, this.capacity);
  }

  #changeMetadata(entry: MachineEntry, machine: SchedulerMachine): void {
    this.index.removeMetadata(entry.slot, entry.machine.metadata);
    this.index.addMetadata(entry.slot, machine.metadata, this.capacity);
    entry.machine = machine;
    this.#refreshGlobals(entry, this.#globals);
  }

  /** Gives all machines new slots, and counts everything again under them. */
  #dealSlots(entering: readonly MachineEntry[]): void {
    const known = this.#slots.machines();
    const running = this.#globals.map((global) => global.running.slots().flatMap((slot) => this.#slots.at(slot) ?? []));
    this.patterns.resetCounts();
    for (const global of this.#globals) global.running.reset();
    this.index.clear();
    this.#slots.deal([...known, ...entering]);
    this.#loads = new LoadBuckets(this.capacity);
    for (const machine of this.#slots.machines()) this.#open(machine);
    for (const machine of known) {
      for (const placed of machine.placed) if (placed.counted) this.#move(placed, machine.slot, 1);
    }
    this.#globals.forEach((global, i) => {
      for (const machine of running[i] ?? []) this.#move(global, machine.slot, 1);
    });
  }

  // Units.

  #enterUnit(unit: SchedulerUnit): UnitEntry {
    const entry = new UnitEntry(unit.name);
    this.units.set(unit.name, entry);
    this.patterns.addName(entry);
    const orphan = this.orphans.get(unit.name);
    if (orphan !== undefined) {
      this.orphans.delete(unit.name);
      this.dirt.stale.delete(unit.name);
      entry.machine = this.#machineEntry(orphan);
      entry.machine.placed.add(entry);
    }
    return entry;
  }

  #changeUnit(entry: UnitEntry, unit: SchedulerUnit): void {
    this.#uncount(entry);
    if (entry.unit.requirements === unit.requirements) {
      entry.unit = unit;
      if (entry.global) this.#unsettled.add(entry);
    } else {
      if (entry.unit !== UNDEFINED) this.#withdraw(entry);
      this.#introduce(entry, unit);
    }
    this.#count(entry);
    if (entry.waiting) this.waiting.add(entry);
    else this.waiting.delete(entry);
    for (const follower of this.followers(entry.name)) if (follower.waiting) this.dirt.tries.add(follower);
    this.#noteStanding(entry);
  }

  #noteStanding(entry: UnitEntry): void {
    const { dirt } = this;
    dirt.standing.add(entry);
    if (entry.waiting) dirt.tries.add(entry);
    if (entry.machine === null) dirt.stale.delete(entry.name);
    else if (entry.global) dirt.stale.add(entry.name);
    else {
      dirt.stale.delete(entry.name);
      dirt.review.add(entry);
      if (entry.machine.present) dirt.machines.add(entry.machine);
    }
  }

  /** Takes out what a unit means for others, all but its name and placement. */
  #withdraw(entry: UnitEntry): void {
    this.#contentious = null;
    for (const peer of entry.unit.requirements.machineOf) {
      const followers = this.#followers.get(peer);
      followers?.delete(entry);
      if (followers?.size === 0) this.#followers.delete(peer);
    }
    if (entry.global) {
      // Those that it was in conflict with may be in conflict with nothing once it is gone.
      for (const global of this.#contentiousGlobals()) this.#unsettled.add(global);
      this.#unsettled.delete(entry);
      const gone = entry.running.slots().flatMap((slot) => this.#slots.at(slot) ?? []);
      for (const machine of gone) this.#move(entry, machine.slot, -1);
      for (const machine of gone) this.#noteUncounted(entry, machine);
      this.#globals = this.#globals.filter((global) => global !== entry);
      for (const pattern of entry.matching) pattern.globalNames--;
    }
    this.patterns.delist(entry);
    this.#contentious = null;
    entry.unit = UNDEFINED;
  }

  #introduce(entry: UnitEntry, unit: SchedulerUnit): void {
    this.#contentious = null;
    const { global, machineOf } = unit.requirements;
    entry.unit = unit;
    if (global) for (const pattern of entry.matching) pattern.globalNames++;
    this.patterns.enlist(entry, (pattern) => this.#countPattern(pattern));
    for (const peer of machineOf) {
      const followers = this.#followers.get(peer) ?? new Set<UnitEntry>();
      this.#followers.set(peer, followers.add(entry));
    }
    if (!global) return;
    entry.running = new SlotSet();
    this.#globals.push(entry);
    this.#unsettled.add(entry);
  }

  /** Counts, for a pattern that is new, the units whose names it matches. */
  #countPattern(pattern: Pattern): void {
    for (const entry of pattern.names) {
      if (entry.counted && entry.machine !== null) pattern.matched.add(entry.machine.slot, this.capacity);
      for (const slot of entry.running.slots()) pattern.matched.add(slot, this.capacity);
    }
  }

  // Counting.

  #count(entry: UnitEntry): void {
    const { machine } = entry;
    if (machine?.present !== true || entry.counted || !entry.active || entry.global) return;
    this.#move(entry, machine.slot, 1);
    entry.counted = true;
    this.#noteCounted(entry);
    if (this.#concernsGlobals(entry)) this.#refreshGlobals(machine, this.#contentiousGlobals());
  }

  #uncount(entry: UnitEntry): void {
    const { machine } = entry;
    if (!entry.counted || machine === null) return;
    this.#move(entry, machine.slot, -1);
    entry.counted = false;
    this.#noteUncounted(entry, machine);
    if (this.#concernsGlobals(entry)) this.#refreshGlobals(machine, this.#contentiousGlobals());
  }

  #move(entry: UnitEntry, slot: number, by: 1 | -1): void {
    this.#contribute(entry, slot, by);
    this.#loads.change(slot, by);
  }

  /** Counts a unit in or out of what its patterns know of a machine; the load is the caller's. */
  #contribute(entry: UnitEntry, slot: number, by: 1 | -1): void {
    const { capacity } = this;
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

  #noteCounted(entry: UnitEntry): void {
    for (const follower of this.followers(entry.name)) if (follower.waiting) this.dirt.tries.add(follower);
  }

  /** Followers beside it may have to leave, and units that it kept away may come. */
  #noteUncounted(entry: UnitEntry, machine: MachineEntry): void {
    const { dirt } = this;
    dirt.freed = true;
    for (const follower of this.followers(entry.name)) if (follower.machine === machine) dirt.review.add(follower);
    if (this.waiting.size === 0 || dirt.everyTry) return;
    for (const pattern of entry.conflicts) this.#tryWaiting(pattern.universal ? null : pattern.names, (other) => pattern.matches(other));
    for (const pattern of this.patterns.matching(entry)) {
      this.#tryWaiting(pattern.conflictDeclarers, (other) => pattern.conflictDeclarers.has(other));
    }
  }

  /** Walks over the smaller of the waiting units and those concerned. */
  #tryWaiting(concerned: ReadonlySet<UnitEntry> | null, isConcerned: (entry: UnitEntry) => boolean): void {
    const { waiting, dirt } = this;
    if (concerned !== null && concerned.size < waiting.size) {
      for (const other of concerned) if (other.waiting) dirt.tries.add(other);
    } else for (const other of waiting) if (isConcerned(other)) dirt.tries.add(other);
  }

  // Global units.

  #concernsGlobals(entry: UnitEntry): boolean {
    if (this.#globals.length === 0) return false;
    for (const pattern of entry.conflicts) if (pattern.universal || pattern.globalNames > 0) return true;
    for (const pattern of this.patterns.matching(entry)) if (pattern.globalDeclarers > 0) return true;
    return false;
  }

  /** In byte order. */
  #contentiousGlobals(): ReadonlySet<UnitEntry> {
    this.#contentious ??= new Set(
      this.#globals.filter((global) => {
        if (global.conflicts.length > 0) return true;
        return this.patterns.matching(global).some((pattern) => pattern.conflictDeclarers.size > 0);
      }),
    );
    return this.#contentious;
  }

  /** Lets global units run where they should after changes of some of them. */
  #settleGlobals(): void {
    if (this.#unsettled.size === 0) return;
    this.#globals.sort((a, b) => compareBytes(a.name, b.name));
    const contentious = this.#contentiousGlobals();
    const related = [...this.#unsettled].some((global) => contentious.has(global));
    const concerned = this.#globals.filter((global) => this.#unsettled.has(global) || (related && contentious.has(global)));
    this.#unsettled.clear();
    for (const machine of this.#slots.machines()) this.#refreshGlobals(machine, concerned);
  }

  /**
   * Decides anew which of these global units run on a machine: in byte order, each that fits and is in no conflict.
   * @param globals All contentious ones are among them, or none.
   */
  #refreshGlobals(machine: MachineEntry, globals: Iterable<UnitEntry>): void {
    const { slot } = machine;
    const contentious = this.#contentiousGlobals();
    const ran = new Set<UnitEntry>();
    for (const global of globals) {
      if (!contentious.has(global) || !global.running.has(slot)) continue;
      ran.add(global);
      this.#move(global, slot, -1);
    }
    let load = 0;
    const stopped: UnitEntry[] = [];
    for (const global of globals) {
      const fits = global.active && meetsMetadata(machine.machine.metadata, global.unit.requirements.metadata);
      if (contentious.has(global)) {
        const runs = fits && !this.hasConflict(global, machine);
        if (runs) this.#move(global, slot, 1);
        if (runs && !ran.has(global)) this.#noteCounted(global);
        if (!runs && ran.has(global)) stopped.push(global);
      } else if (fits !== global.running.has(slot)) {
        this.#contribute(global, slot, fits ? 1 : -1);
        load += fits ? 1 : -1;
        if (fits) this.#noteCounted(global);
        else stopped.push(global);
      }
    }
    // In one go: where many run, most of the time would go into this.
    this.#loads.change(slot, load);
    for (const global of stopped) this.#noteUncounted(global, machine);
  }
}

function sameMetadata(a: Metadata, b: Metadata): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

const NO_FOLLOWERS: readonly UnitEntry[] = [];

