import type { MachineId, UnitName } from '@fleet/model';
import { compileGlob, type Glob } from '@fleet/unit-parser';
import { compareBytes } from './order.ts';
import type { ClusterSnapshot, Plan, SchedulerMachine, SchedulerUnit, Step } from './types.ts';

/** A rule that a plan breaks. */
export interface Violation {
  readonly code:
    | 'unknown-unit'
    | 'unknown-machine'
    | 'wrong-kind'
    | 'not-placed-there'
    | 'placed-twice'
    | 'held-elsewhere'
    | 'no-cause'
    | 'inactive'
    | 'machine-id'
    | 'metadata'
    | 'machine-of'
    | 'conflict'
    | 'replaced-without-destination'
    | 'missed';
  readonly unit: UnitName;
  readonly machine: MachineId | null;
  readonly message: string;
}

/**
 * Checks any plan against the rules, step by step and in its result, without knowing how it was made. Empty if the plan is right.
 *
 * The rules: a unit is on one machine at most, and not placed while another machine still holds it; what is placed is active, not
 * global, and fits its machine in id, metadata, peers and conflicts; nothing is taken away without a cause that holds; what is replaced
 * has somewhere to go; and no unit that fits somewhere is left without a machine.
 */
export function checkPlan(snapshot: ClusterSnapshot, plan: Pick<Plan, 'steps'>): readonly Violation[] {
  return new PlanChecker(snapshot).check(plan.steps);
}

type Misfit = Extract<Violation['code'], 'machine-id' | 'metadata' | 'machine-of' | 'conflict'>;

class PlanChecker {
  readonly #machines: ReadonlyMap<MachineId, SchedulerMachine>;
  readonly #units: ReadonlyMap<UnitName, SchedulerUnit>;
  readonly #globals: readonly SchedulerUnit[];
  readonly #held: ClusterSnapshot['held'];
  readonly #placedOn: Map<UnitName, MachineId>;
  readonly #unitsOn = new Map<MachineId, Set<UnitName>>();
  readonly #globs = new Map<string, Glob>();
  readonly #violations: Violation[] = [];

  constructor(snapshot: ClusterSnapshot) {
    this.#machines = new Map(snapshot.machines.map((machine) => [machine.id, machine]));
    this.#units = new Map(snapshot.units.map((unit) => [unit.name, unit]));
    this.#globals = [...this.#units.values()]
      .filter((unit) => unit.requirements.global && unit.targetState !== 'inactive')
      .sort((a, b) => compareBytes(a.name, b.name));
    this.#held = snapshot.held;
    this.#placedOn = new Map(snapshot.placements);
    for (const [unit, machine] of this.#placedOn) this.#unitsOnMachine(machine).add(unit);
  }

  check(steps: readonly Step[]): readonly Violation[] {
    for (const step of steps) {
      if (step.kind === 'unschedule') this.#unschedule(step);
      else this.#schedule(step);
    }
    for (const [unit, machine] of this.#placedOn) this.#checkPlaced(unit, machine);
    for (const step of steps) if (step.kind === 'unschedule') this.#checkOutcome(step);
    this.#checkMissed();
    return this.#violations;
  }

  #unschedule({ unit, machine, reason }: Step): void {
    if (this.#placedOn.get(unit) !== machine) {
      this.#report('not-placed-there', unit, machine, `${unit} is taken from ${machine}, where it is not placed`);
      return;
    }
    if (!this.#isCause(unit, machine, reason.code)) {
      this.#report('no-cause', unit, machine, `${unit} is taken from ${machine} for a reason that does not hold: ${reason.text}`);
    }
    this.#placedOn.delete(unit);
    this.#unitsOnMachine(machine).delete(unit);
  }

  #isCause(name: UnitName, machine: MachineId, code: Step['reason']['code']): boolean {
    const unit = this.#units.get(name);
    const present = this.#machines.get(machine);
    switch (code) {
      case 'unit-gone':
        return unit === undefined;
      case 'became-global':
        return unit?.requirements.global === true;
      case 'target-inactive':
        return unit?.targetState === 'inactive';
      case 'machine-gone':
        return present === undefined;
      case 'machine-unfit':
        return unit !== undefined && present !== undefined && this.#misfit(unit, present) !== null;
      case 'replaced':
        return unit !== undefined && this.#jobsOn(machine).some((other) => this.#replaces(other, unit));
      case 'not-scheduled':
        return false;
    }
  }

  #schedule({ unit: name, machine }: Step): void {
    const unit = this.#units.get(name);
    if (unit === undefined) this.#report('unknown-unit', name, machine, `${name} is placed but not known`);
    else if (unit.requirements.global) this.#report('wrong-kind', name, machine, `${name} is global and placed on ${machine}`);
    if (!this.#machines.has(machine)) this.#report('unknown-machine', name, machine, `${name} is placed on ${machine}, which is not present`);
    const before = this.#placedOn.get(name);
    if (before !== undefined) {
      this.#report('placed-twice', name, machine, `${name} is placed on ${machine} and on ${before}`);
      this.#unitsOnMachine(before).delete(name);
    }
    for (const holder of this.#held.get(name) ?? []) {
      if (holder === machine || !this.#machines.has(holder)) continue;
      this.#report('held-elsewhere', name, machine, `${name} is placed on ${machine} while ${holder} still holds it`);
    }
    this.#placedOn.set(name, machine);
    this.#unitsOnMachine(machine).add(name);
  }

  #checkPlaced(name: UnitName, id: MachineId): void {
    const unit = this.#units.get(name);
    const machine = this.#machines.get(id);
    if (unit === undefined) this.#report('unknown-unit', name, id, `${name} is left on ${id} but not known`);
    else if (unit.requirements.global) this.#report('wrong-kind', name, id, `${name} is global and left on ${id}`);
    else if (unit.targetState === 'inactive') this.#report('inactive', name, id, `${name} is inactive and left on ${id}`);
    else if (machine === undefined) this.#report('unknown-machine', name, id, `${name} is left on ${id}, which is not present`);
    else {
      const misfit = this.#misfit(unit, machine);
      if (misfit !== null) this.#report(misfit, name, id, `${name} is on ${id}, which does not do: ${misfit}`);
    }
  }

  /** What was taken away for a conflict must be in conflict with what stays; what was replaced must be somewhere, or wait to be let go. */
  #checkOutcome({ unit: name, machine: id, reason }: Step): void {
    const unit = this.#units.get(name);
    const machine = this.#machines.get(id);
    if (unit === undefined || machine === undefined) return;
    if (reason.rejection === 'conflict' && this.#placedOn.get(name) === undefined && this.#misfit(unit, machine) === null) {
      this.#report('no-cause', name, id, `${name} was taken from ${id} for a conflict that is not there in the end`);
    }
    const waits = [...(this.#held.get(name) ?? [])].some((holder) => this.#machines.has(holder));
    if (reason.code === 'replaced' && !this.#placedOn.has(name) && !waits) {
      this.#report('replaced-without-destination', name, id, `${name} was replaced on ${id} and has no machine now`);
    }
  }

  #checkMissed(): void {
    for (const unit of this.#units.values()) {
      if (unit.targetState === 'inactive' || unit.requirements.global || this.#placedOn.has(unit.name)) continue;
      const holders = [...(this.#held.get(unit.name) ?? [])].filter((holder) => this.#machines.has(holder));
      if (holders.length > 0) continue;
      const machine = [...this.#machines.values()].find((candidate) => this.#misfit(unit, candidate) === null);
      if (machine !== undefined) this.#report('missed', unit.name, machine.id, `${unit.name} has no machine, and ${machine.id} would do`);
    }
  }

  #misfit(unit: SchedulerUnit, machine: SchedulerMachine): Misfit | null {
    const { machineId, metadata, machineOf } = unit.requirements;
    if (machineId !== null && (machineId === '' || (machineId !== machine.id && machineId !== machine.id.slice(0, 8)))) return 'machine-id';
    for (const [key, allowed] of metadata) {
      const value = Object.entries(machine.metadata).find(([name]) => name === key)?.[1];
      if (value === undefined || !allowed.has(value)) return 'metadata';
    }
    const jobs = this.#jobsOn(machine.id);
    const there = [...jobs, ...this.#globalsOn(machine, jobs)];
    if (!machineOf.every((peer) => there.some((other) => other.name === peer))) return 'machine-of';
    return there.some((other) => this.#clash(unit, other)) ? 'conflict' : null;
  }

  #jobsOn(machine: MachineId): SchedulerUnit[] {
    return [...(this.#unitsOn.get(machine) ?? [])].flatMap((name) => {
      const unit = this.#units.get(name);
      return unit === undefined || unit.requirements.global || unit.targetState === 'inactive' ? [] : [unit];
    });
  }

  #globalsOn(machine: SchedulerMachine, jobs: readonly SchedulerUnit[]): SchedulerUnit[] {
    const running: SchedulerUnit[] = [];
    for (const unit of this.#globals) {
      const fits = [...unit.requirements.metadata].every(([key, allowed]) => {
        const value = Object.entries(machine.metadata).find(([name]) => name === key)?.[1];
        return value !== undefined && allowed.has(value);
      });
      if (fits && ![...jobs, ...running].some((other) => this.#clash(unit, other))) running.push(unit);
    }
    return running;
  }

  #clash(a: SchedulerUnit, b: SchedulerUnit): boolean {
    return a.name !== b.name && (this.#names(a.requirements.conflicts, b.name) || this.#names(b.requirements.conflicts, a.name));
  }

  #replaces(a: SchedulerUnit, b: SchedulerUnit): boolean {
    return a.name !== b.name && this.#names(a.requirements.replaces, b.name) && !this.#names(b.requirements.replaces, a.name);
  }

  #names(patterns: readonly string[], name: string): boolean {
    return patterns.some((pattern) => {
      const glob = this.#globs.get(pattern) ?? compileGlob(pattern);
      this.#globs.set(pattern, glob);
      return glob.test(name);
    });
  }

  #unitsOnMachine(machine: MachineId): Set<UnitName> {
    const units = this.#unitsOn.get(machine) ?? new Set<UnitName>();
    this.#unitsOn.set(machine, units);
    return units;
  }

  #report(code: Violation['code'], unit: UnitName, machine: MachineId | null, message: string): void {
    this.#violations.push({ code, unit, machine, message });
  }
}
