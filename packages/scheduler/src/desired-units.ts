import { inConflict, meetsMetadata } from './fitness.ts';
import { sortByName } from './order.ts';
import type { SchedulerMachine, SchedulerUnit } from './types.ts';

export interface DesiredUnitsInput<T extends SchedulerUnit> {
  readonly machine: Pick<SchedulerMachine, 'metadata'>;
  /** The units placed on this machine, in any order. */
  readonly scheduled: readonly T[];
  /** All global units of the cluster, in any order. */
  readonly globals: readonly T[];
}

/**
 * What a machine should hold: the one definition for the agent, which carries it out, and for the planner, which counts it. In byte
 * order of names, first the units placed there, then the global units that are not inactive and whose metadata fits. A unit in
 * conflict with one accepted before it is left out; a global unit also gives way to every unit placed there.
 *
 * Units placed there with target `inactive` are part of the answer, since the machine has to put them away in an orderly manner, but they
 * never conflict and never count. MachineID, MachineOf and Replaces of global units mean nothing (as fleet `agent/reconcile.go`).
 */
export function desiredUnits<T extends SchedulerUnit>(input: DesiredUnitsInput<T>): readonly T[] {
  const scheduled = sortByName(input.scheduled.filter((unit) => !unit.requirements.global));
  const accepted: T[] = [];
  const neighbours = new Neighbours();
  for (const unit of scheduled) {
    if (neighbours.conflictWith(unit)) continue;
    neighbours.add(unit);
    accepted.push(unit);
  }
  // Global units give way to every unit placed there, also to those that were left out.
  const counted = new Neighbours();
  for (const unit of scheduled) counted.add(unit);
  for (const unit of sortByName(input.globals)) {
    if (unit.targetState === 'inactive' || !meetsMetadata(input.machine.metadata, unit.requirements.metadata)) continue;
    if (counted.conflictWith(unit)) continue;
    counted.add(unit);
    accepted.push(unit);
  }
  return accepted;
}

/** The units of a machine, so kept that a unit without conflict patterns is only compared with those that have some. */
class Neighbours {
  readonly #all: SchedulerUnit[] = [];
  readonly #declaring: SchedulerUnit[] = [];

  add(unit: SchedulerUnit): void {
    this.#all.push(unit);
    if (unit.requirements.conflicts.length > 0) this.#declaring.push(unit);
  }

  conflictWith(unit: SchedulerUnit): boolean {
    return (unit.requirements.conflicts.length > 0 ? this.#all : this.#declaring).some((other) => inConflict(unit, other));
  }
}
