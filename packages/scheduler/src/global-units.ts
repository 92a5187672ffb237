import type { MachineEntry, UnitEntry } from './entries.ts';
import { meetsMetadata } from './fitness.ts';
import type { Occupancy } from './occupancy.ts';
import { compareBytes } from './order.ts';
import type { PatternIndex } from './pattern-index.ts';
import { SlotSet } from './slot-set.ts';
import type { SlotTable } from './slot-table.ts';

/** The global units, and on which machines each runs. */
export class GlobalUnits {
  readonly #occupancy: Occupancy;
  readonly #patterns: PatternIndex;
  readonly #slots: SlotTable;
  /** In byte order. */
  #all: UnitEntry[] = [];
  /** Those that can be in conflict with anything; `null` when that has to be found out again. */
  #contentious: ReadonlySet<UnitEntry> | null = new Set();
  /** Those that are to be counted anew on all machines. */
  readonly #unsettled = new Set<UnitEntry>();

  constructor(occupancy: Occupancy, patterns: PatternIndex, slots: SlotTable) {
    this.#occupancy = occupancy;
    this.#patterns = patterns;
    this.#slots = slots;
  }

  /** Those that run on a machine, in byte order. */
  runningOn(machine: MachineEntry): UnitEntry[] {
    return this.#all.filter((global) => global.running.has(machine.slot));
  }

  /** Notes that patterns came or went: other global units than before may be in conflict with something. */
  notePatterns(): void {
    this.#contentious = null;
  }

  /** Takes a global unit in; it runs nowhere until `settle`. */
  add(entry: UnitEntry): void {
    entry.running = new SlotSet();
    this.#all.push(entry);
    this.#unsettled.add(entry);
  }

  /** Notes that a global unit became active or inactive. */
  unsettle(entry: UnitEntry): void {
    this.#unsettled.add(entry);
  }

  /** Takes a global unit out, before its patterns are. */
  remove(entry: UnitEntry): void {
    // Those that it was in conflict with may be in conflict with nothing once it is gone.
    for (const global of this.#contentiousOnes()) this.#unsettled.add(global);
    this.#unsettled.delete(entry);
    const gone = this.#machinesOf(entry);
    for (const machine of gone) this.#occupancy.move(entry, machine.slot, -1);
    for (const machine of gone) this.#occupancy.noteUncounted(entry, machine);
    this.#all = this.#all.filter((global) => global !== entry);
  }

  /** Lets global units run where they should after changes of some of them. */
  settle(): void {
    if (this.#unsettled.size === 0) return;
    this.#all.sort((a, b) => compareBytes(a.name, b.name));
    const contentious = this.#contentiousOnes();
    const related = [...this.#unsettled].some((global) => contentious.has(global));
    const concerned = this.#all.filter((global) => this.#unsettled.has(global) || (related && contentious.has(global)));
    this.#unsettled.clear();
    for (const machine of this.#slots.machines()) this.#refresh(machine, concerned);
  }

  /** Decides anew what runs on a machine that came, or whose metadata changed. */
  refreshAll(machine: MachineEntry): void {
    this.#refresh(machine, this.#all);
  }

  /** Decides anew what runs on a machine after a unit came to be counted there, or no longer is. */
  refreshBeside(entry: UnitEntry, machine: MachineEntry): void {
    if (this.#concernedBy(entry)) this.#refresh(machine, this.#contentiousOnes());
  }

  /** Takes all of them from a machine that leaves. */
  clear(machine: MachineEntry): void {
    for (const global of this.runningOn(machine)) this.#occupancy.move(global, machine.slot, -1);
  }

  /** Deals machines new slots, and lets what ran on each run there under the new one. */
  carryOver(deal: () => void): void {
    const ran = this.#all.map((global) => [global, this.#machinesOf(global)] as const);
    for (const global of this.#all) global.running.reset();
    deal();
    for (const [global, machines] of ran) for (const machine of machines) this.#occupancy.move(global, machine.slot, 1);
  }

  #machinesOf(entry: UnitEntry): MachineEntry[] {
    return entry.running.slots().flatMap((slot) => this.#slots.at(slot) ?? []);
  }

  #concernedBy(entry: UnitEntry): boolean {
    if (this.#all.length === 0) return false;
    for (const pattern of entry.conflicts) if (pattern.universal || pattern.globalNames > 0) return true;
    for (const pattern of this.#patterns.matching(entry)) if (pattern.globalDeclarers > 0) return true;
    return false;
  }

  /** In byte order. */
  #contentiousOnes(): ReadonlySet<UnitEntry> {
    this.#contentious ??= new Set(
      this.#all.filter((global) => {
        if (global.conflicts.length > 0) return true;
        return this.#patterns.matching(global).some((pattern) => pattern.conflictDeclarers.size > 0);
      }),
    );
    return this.#contentious;
  }

  /**
   * Decides anew which of these global units run on a machine: in byte order, each that fits and is in no conflict.
   * @param globals All contentious ones are among them, or none.
   */
  #refresh(machine: MachineEntry, globals: Iterable<UnitEntry>): void {
    const { slot } = machine;
    const occupancy = this.#occupancy;
    const contentious = this.#contentiousOnes();
    const ran = new Set<UnitEntry>();
    for (const global of globals) {
      if (!contentious.has(global) || !global.running.has(slot)) continue;
      ran.add(global);
      occupancy.move(global, slot, -1);
    }
    let load = 0;
    const stopped: UnitEntry[] = [];
    for (const global of globals) {
      const fits = global.active && meetsMetadata(machine.machine.metadata, global.unit.requirements.metadata);
      if (contentious.has(global)) {
        const runs = fits && !occupancy.hasConflict(global, machine);
        if (runs) occupancy.move(global, slot, 1);
        if (runs && !ran.has(global)) occupancy.noteCounted(global);
        if (!runs && ran.has(global)) stopped.push(global);
      } else if (fits !== global.running.has(slot)) {
        occupancy.contribute(global, slot, fits ? 1 : -1);
        load += fits ? 1 : -1;
        if (fits) occupancy.noteCounted(global);
        else stopped.push(global);
      }
    }
    // In one go: where many run, most of the time would go into this.
    occupancy.loads.change(slot, load);
    for (const global of stopped) occupancy.noteUncounted(global, machine);
  }
}
