import { matchesMachineId } from '@fleet/model';
import { compareBytes, type SchedulerMachine, type SchedulerUnit } from '@fleet/scheduler';
import { matchGlob } from '@fleet/unit-parser';

/** A task of the original's engine. */
export interface Task {
  readonly type: 'UnscheduleUnit' | 'AttemptScheduleUnit';
  readonly unit: string;
  readonly machine: string;
  readonly reason: string;
}

export interface OriginalCluster {
  readonly machines: readonly SchedulerMachine[];
  readonly units: readonly SchedulerUnit[];
  readonly placements: ReadonlyMap<string, string>;
}

/** Names in the order in which the original, which follows the order of a hash map, happens to visit them. */
export interface VisitingOrder {
  readonly scheduled: readonly string[];
  readonly unscheduled: readonly string[];
}

type Fitness = { readonly kind: 'fit' } | { readonly kind: 'unfit' | 'reschedule'; readonly text: string; readonly other: string };

/**
 * One pass of the original's engine (fleet `engine/reconciler.go`, `agent/state.go`), faults included, for a given order of visits. It
 * tells whether a plan is one that the original may make too: its own lists of what it was seen to do need not be complete.
 */
export class OriginalEngine {
  readonly #machines: readonly SchedulerMachine[];
  readonly #globals: readonly SchedulerUnit[];
  readonly #jobs: ReadonlyMap<string, SchedulerUnit>;
  readonly #placements: Map<string, string>;
  readonly #tasks: Task[] = [];

  constructor({ machines, units, placements }: OriginalCluster) {
    this.#machines = [...machines].sort((a, b) => compareBytes(a.id, b.id));
    const byName = [...units].sort((a, b) => compareBytes(a.name, b.name));
    this.#globals = byName.filter((unit) => unit.requirements.global);
    this.#jobs = new Map(byName.filter((unit) => !unit.requirements.global).map((unit) => [unit.name, unit]));
    this.#placements = new Map([...placements].filter(([name]) => this.#jobs.has(name)));
  }

  /** Names that an order leaves out are visited last, in byte order. */
  pass(order: VisitingOrder): readonly Task[] {
    for (const name of this.#visits(order.scheduled, (job) => this.#placements.has(job))) this.#review(name);
    for (const name of this.#visits(order.unscheduled, (job) => !this.#placements.has(job))) this.#place(name);
    return this.#tasks;
  }

  #visits(first: readonly string[], wanted: (name: string) => boolean): SchedulerUnit[] {
    const names = new Set([...first.filter((name) => this.#jobs.has(name)), ...this.#jobs.keys()]);
    return [...names].filter(wanted).flatMap((name) => this.#jobs.get(name) ?? []);
  }

  #review(job: SchedulerUnit): void {
    const id = this.#placements.get(job.name);
    if (id === undefined) return;
    const machine = this.#machines.find((candidate) => candidate.id === id);
    if (job.targetState === 'inactive') this.#unschedule(job.name, id, 'target state inactive');
    else if (machine === undefined) this.#unschedule(job.name, id, `target Machine(${id}) went away`);
    else this.#reviewFitness(job, machine);
  }

  #reviewFitness(job: SchedulerUnit, machine: SchedulerMachine): void {
    const { id } = machine;
    const fitness = this.#fitness(job, machine);
    if (fitness.kind === 'fit') return;
    const reason = `target Machine(${id}) unable to run unit: ${fitness.text}`;
    if (fitness.kind === 'unfit') {
      this.#unschedule(job.name, id, reason);
      return;
    }
    this.#tasks.push({ type: 'UnscheduleUnit', unit: fitness.other, machine: id, reason });
    const next = this.#byLoad().find((candidate) => candidate !== machine);
    if (next === undefined) return;
    this.#tasks.push({ type: 'AttemptScheduleUnit', unit: fitness.other, machine: next.id, reason });
    this.#placements.set(fitness.other, next.id);
  }

  #place(job: SchedulerUnit): void {
    if (job.targetState === 'inactive') return;
    const machine = this.#byLoad().find((candidate) => this.#fitness(job, candidate).kind !== 'unfit');
    if (machine === undefined) return;
    const reason = `target state ${job.targetState} and unit not scheduled`;
    this.#tasks.push({ type: 'AttemptScheduleUnit', unit: job.name, machine: machine.id, reason });
    this.#placements.set(job.name, machine.id);
  }

  #unschedule(unit: string, machine: string, reason: string): void {
    this.#tasks.push({ type: 'UnscheduleUnit', unit, machine, reason });
    this.#placements.delete(unit);
  }

  #byLoad(): SchedulerMachine[] {
    const loads = new Map(this.#machines.map((machine) => [machine, this.#counted(machine).length]));
    return [...this.#machines].sort((a, b) => (loads.get(a) ?? 0) - (loads.get(b) ?? 0) || compareBytes(a.id, b.id));
  }

  #counted(machine: SchedulerMachine): SchedulerUnit[] {
    const counted = [...this.#jobs.values()].filter((job) => this.#placements.get(job.name) === machine.id && job.targetState !== 'inactive');
    for (const unit of this.#globals) {
      if (hasMetadata(machine, unit) && !counted.some((other) => conflict(unit, other) !== null)) counted.push(unit);
    }
    return counted.sort((a, b) => compareBytes(a.name, b.name));
  }

  #fitness(job: SchedulerUnit, machine: SchedulerMachine): Fitness {
    const counted = this.#counted(machine);
    const { machineId, machineOf, replaces } = job.requirements;
    const unfit = (text: string): Fitness => ({ kind: 'unfit', text, other: '' });
    if (machineId !== null && !matchesMachineId(machine.id, machineId)) {
      return unfit(`agent ID ${JSON.stringify(machine.id)} does not match required ${JSON.stringify(machineId)}`);
    }
    if (!hasMetadata(machine, job)) return unfit('local Machine metadata insufficient');
    const missing = machineOf.find((peer) => !counted.some((other) => other.name === peer));
    if (missing !== undefined) return unfit(`required peer Unit(${missing}) is not scheduled locally`);
    for (const other of counted) {
      const named = conflict(job, other);
      if (named !== null) return unfit(`found conflict with locally-scheduled Unit([${named}])`);
    }
    for (const { name, requirements } of counted) {
      if (name === job.name || matches(replaces, name) === matches(requirements.replaces, job.name)) continue;
      return { kind: 'reschedule', text: `found replace with locally-scheduled Unit(${name})`, other: name };
    }
    return { kind: 'fit' };
  }
}

function hasMetadata(machine: SchedulerMachine, unit: SchedulerUnit): boolean {
  const present = new Map(Object.entries(machine.metadata));
  return [...unit.requirements.metadata].every(([key, allowed]) => present.has(key) && allowed.has(present.get(key) ?? ''));
}

/** The name that the original gives in its text, or `null`. */
function conflict(job: SchedulerUnit, other: SchedulerUnit): string | null {
  if (job.name === other.name) return null;
  if (matches(other.requirements.conflicts, job.name)) return job.name;
  return matches(job.requirements.conflicts, other.name) ? other.name : null;
}

function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchGlob(pattern, name));
}
