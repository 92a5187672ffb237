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
  for (const unit of scheduled) if (!accepted.some((other) => inConflict(unit, other))) accepted.push(unit);
  const counted = [...scheduled];
  for (const unit of sortByName(input.globals)) {
    if (unit.targetState === 'inactive' || !meetsMetadata(input.machine.metadata, unit.requirements.metadata)) continue;
    if (counted.some((other) => inConflict(unit, other))) continue;
    counted.push(unit);
    accepted.push(unit);
  }
  return accepted;
}
