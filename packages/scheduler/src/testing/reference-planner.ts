import type { MachineId, UnitName } from '@fleet/model';
import { desiredUnits } from '../desired-units.ts';
import { compiled, inConflict, matchesAny, meetsMachineId, meetsMetadata } from '../fitness.ts';
import { describeHolders, describeMetadata, describePending, findMalformed, NAMED_CONFLICTS, RejectionCounter } from '../explain.ts';
import { compareBytes, sortBytes, sortByName } from '../order.ts';
import * as reason from '../reason.ts';
import type { ClusterSnapshot, Pending, Plan, PlanOptions, Reason, SchedulerMachine, SchedulerUnit, Step } from '../types.ts';

const MAX_PASSES = 16;

/**
 * The planner's rules in the plainest form: no index, everything looked at every time, quadratic. The planner itself is tested against it,
 * step for step.
 */
export function planByReference(snapshot: ClusterSnapshot, options: PlanOptions = {}): Plan {
  return new ReferencePlanner(snapshot).plan(options.passes ?? MAX_PASSES);
}

interface Member {
  readonly machine: SchedulerMachine;
  readonly unit: SchedulerUnit;
}

export class ReferencePlanner {
  readonly #machines: readonly SchedulerMachine[];
  readonly #units: ReadonlyMap<UnitName, SchedulerUnit>;
  readonly #jobs: readonly SchedulerUnit[];
  readonly #globals: readonly SchedulerUnit[];
  readonly #placements: Map<UnitName, MachineId>;
  readonly #held: ReadonlyMap<UnitName, ReadonlySet<MachineId>>;
  readonly #steps: Step[] = [];

  constructor(snapshot: ClusterSnapshot) {
    const machines = new Map(snapshot.machines.map((machine) => [machine.id, machine]));
    this.#machines = [...machines.values()].sort((a, b) => compareBytes(a.id, b.id));
    this.#units = new Map(snapshot.units.map((unit) => [unit.name, unit]));
    const units = sortByName(this.#units.values());
    this.#jobs = units.filter((unit) => !unit.requirements.global);
    this.#globals = units.filter((unit) => unit.requirements.global);
    this.#placements = new Map(snapshot.placements);
    this.#held = snapshot.held;
  }

  plan(passes: number): Plan {
    for (let pass = 0; pass < passes; pass++) {
      const before = this.#steps.length;
      this.#dropStale();
      this.#dropUnfit();
      this.#dropConflicting();
      this.#moveReplaced();
      this.#placePending();
      if (this.#steps.length === before) break;
    }
    const pending = this.#pendingJobs().map((job): [UnitName, Pending] => [job.name, this.explain(job)]);
    return { steps: this.#steps, pending: new Map(pending) };
  }

  placements(): ReadonlyMap<UnitName, MachineId> {
    return this.#placements;
  }

  /** Names of the units counted on a machine. */
  counted(machine: SchedulerMachine): SchedulerUnit[] {
    const scheduled = this.#jobs.filter((job) => this.#placements.get(job.name) === machine.id && job.targetState !== 'inactive');
    const globals = desiredUnits({ machine, scheduled, globals: this.#globals }).filter((unit) => unit.requirements.global);
    return sortByName([...scheduled, ...globals]);
  }

  #dropStale(): void {
    for (const name of sortBytes(this.#placements.keys())) {
      const unit = this.#units.get(name);
      if (unit === undefined) this.#unschedule(name, reason.unitGone);
      else if (unit.requirements.global) this.#unschedule(name, reason.becameGlobal);
    }
  }

  #dropUnfit(): void {
    for (;;) {
      const wave = this.#jobs.filter((job) => this.#whyDrop(job) !== null);
      for (const job of wave) {
        const why = this.#whyDrop(job);
        if (why !== null) this.#unschedule(job.name, why);
      }
      if (wave.length === 0) return;
    }
  }

  #whyDrop(job: SchedulerUnit): Reason | null {
    const id = this.#placements.get(job.name);
    if (id === undefined) return null;
    if (job.targetState === 'inactive') return reason.targetInactive;
    const machine = this.#machines.find((candidate) => candidate.id === id);
    if (machine === undefined) return reason.machineGone(id);
    const unfit = this.#unfitApart(job, machine, this.counted(machine));
    return unfit === null ? null : reason.machineUnfit(id, unfit);
  }

  /** Checks all but conflicts. */
  #unfitApart(job: SchedulerUnit, machine: SchedulerMachine, counted: readonly SchedulerUnit[]): reason.Unfit | null {
    if (!meetsMachineId(machine, job.requirements)) return reason.wrongMachineId(machine.id, job.requirements.machineId ?? '');
    if (!meetsMetadata(machine.metadata, job.requirements.metadata)) return reason.metadataInsufficient;
    const missing = job.requirements.machineOf.find((peer) => !counted.some((unit) => unit.name === peer));
    return missing === undefined ? null : reason.peerMissing(missing);
  }

  #unfit(job: SchedulerUnit, machine: SchedulerMachine): reason.Unfit | null {
    const counted = this.counted(machine);
    const unfit = this.#unfitApart(job, machine, counted);
    if (unfit !== null) return unfit;
    const other = counted.find((unit) => inConflict(unit, job));
    return other === undefined ? null : reason.conflictFound(job.name, other.name, matchesAny(other.requirements.conflicts, job.name));
  }

  #dropConflicting(): void {
    for (const machine of this.#machines) {
      const jobs = this.counted(machine).filter((unit) => !unit.requirements.global);
      const clashing = jobs.filter((job) => jobs.some((other) => inConflict(job, other)));
      if (clashing.length === 0) continue;
      const movable = clashing.filter((job) => this.#machines.some((other) => other !== machine && this.#unfit(job, other) === null));
      const kept: SchedulerUnit[] = [];
      for (const job of [...clashing.filter((job) => !movable.includes(job)), ...movable]) {
        if (!kept.some((other) => inConflict(job, other))) kept.push(job);
      }
      for (const job of clashing) {
        if (kept.includes(job)) continue;
        const unfit = this.#unfit(job, machine);
        if (unfit !== null) this.#unschedule(job.name, reason.machineUnfit(machine.id, unfit));
      }
    }
    this.#dropUnfit();
  }

  #moveReplaced(): void {
    for (const replacer of this.#jobs) {
      const machine = this.#machineOf(replacer);
      if (machine === undefined || replacer.targetState === 'inactive') continue;
      for (const victim of this.counted(machine)) {
        if (this.#placements.get(victim.name) !== machine.id || !replacesUnit(replacer, victim)) continue;
        const destination = this.#replaceDestination(victim, machine, replacer);
        if (destination === undefined) continue;
        const why = reason.replaced(machine.id, victim.name, replacer.name);
        this.#unschedule(victim.name, why);
        if (this.#holders(victim.name, destination.id).length === 0) this.#schedule(victim.name, destination.id, why);
      }
    }
    this.#dropUnfit();
  }

  /** Where a replaced unit can go with all its followers, so that nobody replaces anybody there. */
  #replaceDestination(victim: SchedulerUnit, from: SchedulerMachine, replacer: SchedulerUnit): SchedulerMachine | undefined {
    const group = [victim];
    for (const member of group) {
      for (const other of this.counted(from)) {
        if (!other.requirements.global && !group.includes(other) && other.requirements.machineOf.includes(member.name)) group.push(other);
      }
    }
    if (group.includes(replacer)) return undefined;
    return this.#byLoad().find((machine) => {
      if (machine === from) return false;
      const counted = this.counted(machine);
      return group.every(
        (member) =>
          this.#unfitApart(member, machine, [...counted, ...group]) === null &&
          !counted.some((other) => inConflict(member, other) || replacesUnit(member, other) || replacesUnit(other, member)),
      );
    });
  }

  #placePending(): void {
    let wave = this.#pendingJobs();
    while (wave.length > 0) {
      const placed: UnitName[] = [];
      for (const job of wave.filter((candidate) => this.#peersPlaced(candidate))) {
        const machine = this.#choose(job);
        if (machine === undefined || this.#holders(job.name, machine.id).length > 0) continue;
        this.#schedule(job.name, machine.id, reason.notScheduled(job.targetState));
        placed.push(job.name);
      }
      wave = this.#pendingJobs().filter((job) => job.requirements.machineOf.some((peer) => (placed as string[]).includes(peer)));
    }
  }

  #peersPlaced(job: SchedulerUnit): boolean {
    return job.requirements.machineOf.every((peer) => {
      const unit = this.#units.get(peer as UnitName);
      return unit !== undefined && (unit.requirements.global || this.#placements.has(unit.name));
    });
  }

  /** The fit machine with the least load; one that holds the unit already comes first, one with a replacer of it last. */
  #choose(job: SchedulerUnit): SchedulerMachine | undefined {
    const fit = this.#byLoad().filter((machine) => this.#unfit(job, machine) === null);
    const calm = fit.filter((machine) => !this.counted(machine).some((other) => replacesUnit(other, job)));
    const holders = this.#holders(job.name);
    return (holders.length === 1 ? calm.find((machine) => machine.id === holders[0]) : undefined) ?? calm[0] ?? fit[0];
  }

  /** The machines that are present and hold the unit, without the given one. */
  #holders(unit: UnitName, except?: MachineId): MachineId[] {
    const held = this.#held.get(unit);
    return this.#machines.flatMap(({ id }) => (id !== except && held?.has(id) === true ? [id] : []));
  }

  explain(job: SchedulerUnit): Pending {
    const counter = new RejectionCounter();
    const remarks = new Map<string, string>();
    for (const peer of job.requirements.machineOf) remarks.set(peer, this.#peerRemark(job, peer));
    for (const [peer, remark] of remarks) if (remark === '') remarks.delete(peer);
    const clashes: Member[] = [];
    const fit: SchedulerMachine[] = [];
    const malformed = findMalformed(job.requirements);
    for (const machine of this.#machines) {
      if (malformed !== null) counter.add('malformed', malformed);
      else if (!meetsMachineId(machine, job.requirements)) counter.add('machine-id', job.requirements.machineId ?? '');
      else {
        const lacking = [...job.requirements.metadata].find((entry) => !meetsMetadata(machine.metadata, new Map([entry])));
        const unfit = this.#unfit(job, machine);
        if (lacking !== undefined) counter.add('metadata', describeMetadata(...lacking));
        else if (unfit?.code === 'machine-of') counter.add('machine-of', unfit.because ?? '');
        else if (unfit !== null) clashes.push({ machine, unit: this.counted(machine).find((other) => inConflict(other, job)) ?? job });
        else fit.push(machine);
      }
    }
    for (const { machine, unit } of clashes) {
      counter.add('conflict', clashes.length <= NAMED_CONFLICTS ? unit.name : this.#clashingPattern(job, machine));
    }
    for (const machine of fit) {
      const holders = this.#holders(job.name, machine.id);
      if (holders.length > 0) counter.add('held', describeHolders(holders));
    }
    return describePending(job.name, this.#machines.length, counter.rejections(), remarks);
  }

  #clashingPattern(job: SchedulerUnit, machine: SchedulerMachine): string {
    const others = this.counted(machine).filter((unit) => unit.name !== job.name);
    const own = job.requirements.conflicts.find((pattern) => others.some((other) => compiled(pattern).test(other.name)));
    if (own !== undefined) return own;
    const foreign = others.flatMap((other) => other.requirements.conflicts.filter((pattern) => compiled(pattern).test(job.name)));
    return sortBytes(foreign)[0] ?? '';
  }

  #peerRemark(job: SchedulerUnit, peer: string): string {
    const unit = this.#units.get(peer as UnitName);
    if (unit === undefined) return 'no such unit';
    if (unit.targetState === 'inactive') return 'inactive';
    if (unit.requirements.global || this.#placements.has(unit.name)) return '';
    const seen = new Set<string>();
    const path = (name: string, way: readonly string[]): readonly string[] | null => {
      if (name === job.name) return [...way, name];
      if (seen.has(name)) return null;
      seen.add(name);
      const next = this.#units.get(name as UnitName);
      if (next === undefined || next.requirements.global || this.#placements.has(next.name)) return null;
      for (const target of next.requirements.machineOf) {
        const found = path(target, [...way, name]);
        if (found !== null) return found;
      }
      return null;
    };
    const circle = path(peer, [job.name]);
    return circle === null ? 'itself without a machine' : `circle ${circle.join(' → ')}`;
  }

  #pendingJobs(): SchedulerUnit[] {
    return this.#jobs.filter((job) => job.targetState !== 'inactive' && !this.#placements.has(job.name));
  }

  #machineOf(job: SchedulerUnit): SchedulerMachine | undefined {
    const id = this.#placements.get(job.name);
    return this.#machines.find((machine) => machine.id === id);
  }

  #byLoad(): SchedulerMachine[] {
    const loads = new Map(this.#machines.map((machine) => [machine, this.counted(machine).length]));
    return [...this.#machines].sort((a, b) => (loads.get(a) ?? 0) - (loads.get(b) ?? 0) || compareBytes(a.id, b.id));
  }

  #unschedule(unit: UnitName, why: Reason): void {
    const machine = this.#placements.get(unit);
    if (machine === undefined) return;
    this.#placements.delete(unit);
    this.#steps.push({ kind: 'unschedule', unit, machine, reason: why });
  }

  #schedule(unit: UnitName, machine: MachineId, why: Reason): void {
    this.#placements.set(unit, machine);
    this.#steps.push({ kind: 'schedule', unit, machine, reason: why });
  }
}

/** Whether `replacer` makes `other` leave; two units that replace each other leave each other alone. */
function replacesUnit(replacer: SchedulerUnit, other: SchedulerUnit): boolean {
  if (replacer.name === other.name || other.requirements.global || replacer.requirements.global) return false;
  return matchesAny(replacer.requirements.replaces, other.name) && !matchesAny(other.requirements.replaces, replacer.name);
}
