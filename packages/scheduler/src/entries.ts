import type { MachineId, UnitName } from '@fleet/model';
import type { Glob } from '@fleet/unit-parser';
import { SlotCounter } from './slot-counter.ts';
import { SlotSet } from './slot-set.ts';
import type { Pending, SchedulerMachine, SchedulerUnit } from './types.ts';

/** A machine in the model; one that is gone stays as long as units are placed on it. */
export class MachineEntry {
  readonly id: MachineId;
  machine: SchedulerMachine;
  present = false;
  /** Its place in all sets of machines, in byte order of ids; -1 while it is gone or the slots are to be dealt out anew. */
  slot = -1;
  /** What is placed there, counted or not; no global units. */
  readonly placed = new Set<UnitEntry>();

  constructor(machine: SchedulerMachine) {
    this.id = machine.id;
    this.machine = machine;
  }
}

/** A unit that asks for nothing and wants nothing. */
export const UNDEFINED: SchedulerUnit = {
  name: '' as UnitName,
  targetState: 'inactive',
  requirements: { machineId: null, machineOf: [], conflicts: [], replaces: [], metadata: new Map(), global: false },
};

/** For the many units that are not global. */
const NOWHERE = new SlotSet();

export const NO_UNITS: ReadonlySet<UnitEntry> = new Set();

/** A unit in the model. */
export class UnitEntry {
  readonly name: UnitName;
  /** `UNDEFINED` until it is known. */
  unit = UNDEFINED;
  /** Its well-formed patterns, each once. */
  conflicts: readonly Pattern[] = [];
  replaces: readonly Pattern[] = [];
  /** The patterns in the model that match its name, universal ones left out. */
  readonly matching: Pattern[] = [];
  machine: MachineEntry | null = null;
  /** Whether it is counted on `machine`: active, not global, and the machine is there. */
  counted = false;
  /** Where it runs, if it is global. */
  running = NOWHERE;
  /** Units that name it as MachineOf. */
  followers = NO_UNITS;
  /** What was last said about it. */
  pending: Pending | null = null;
  /** Equal for units that all machines treat alike; `null` until asked for. */
  shape: string | null = null;

  constructor(name: UnitName) {
    this.name = name;
  }

  get global(): boolean {
    return this.unit.requirements.global;
  }

  get active(): boolean {
    return this.unit.targetState !== 'inactive';
  }

  /** Whether it should have a machine and has none. */
  get waiting(): boolean {
    return this.active && !this.global && this.machine === null;
  }
}

/** A pattern of Conflicts or Replaces that some unit has or had, with who is concerned by it. */
export class Pattern {
  readonly id: number;
  readonly text: string;
  readonly glob: Glob;
  /** Whether it matches every unit name (none holds a `/`), so that nothing needs to be kept about names. */
  readonly universal: boolean;
  /** Units whose name it matches, unless it is universal. */
  readonly names = new Set<UnitEntry>();
  readonly conflictDeclarers = new Set<UnitEntry>();
  readonly replaceDeclarers = new Set<UnitEntry>();
  /** How many of `names` and of `conflictDeclarers` are global. */
  globalNames = 0;
  globalDeclarers = 0;
  /** How many counted units each machine has whose name matches. */
  readonly matched = new SlotCounter();
  /** How many counted units each machine has that declare it as conflict. */
  readonly conflicting = new SlotCounter();
  /** How many counted units each machine has that replace by it. */
  readonly replacing = new SlotCounter();

  /** What stands before and after the only star, if that is all there is to the pattern. */
  readonly #ends: readonly [string, string] | null;

  constructor(id: number, text: string, glob: Glob) {
    this.id = id;
    this.text = text;
    this.glob = glob;
    this.universal = /^\*+$/.test(text);
    const [, before, after] = /^([^*?[\]\\]*)\*([^*?[\]\\]*)$/.exec(text) ?? [];
    this.#ends = before === undefined || after === undefined ? null : [before, after];
  }

  test(name: string): boolean {
    if (this.#ends === null || name.includes('/')) return this.glob.test(name);
    const [before, after] = this.#ends;
    return name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after);
  }

  matches(entry: UnitEntry): boolean {
    return this.universal || this.names.has(entry);
  }

  get unused(): boolean {
    return this.conflictDeclarers.size === 0 && this.replaceDeclarers.size === 0;
  }
}
