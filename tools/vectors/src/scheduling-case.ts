import type { MachineId, Metadata, TargetState, UnitName } from '@fleet/model';
import type { ClusterSnapshot, SchedulerMachine, SchedulerUnit, Step } from '@fleet/scheduler';
import { parseUnitFile, readRequirements } from '@fleet/unit-parser';

import { Fields } from './fields.ts';
import type { OriginalCluster, Task } from './original-engine.ts';

/** A case of scheduling.jsonl: what the cluster is, for us and as the original saw it. */
export interface SchedulingCase {
  readonly snapshot: ClusterSnapshot;
  readonly original: OriginalCluster;
  /** Whether some unit has a target state that is none of the three words. */
  readonly unrecordedTarget: boolean;
  readonly determinism: 'exact' | 'order' | 'outcome';
  readonly expected: readonly Task[];
  readonly alternatives: readonly (readonly Task[])[];
  readonly laterRounds: readonly (readonly Task[])[];
}

export function readCase(fields: Fields): SchedulingCase {
  const machines = fields.list('machines').map((value) => readMachine(new Fields(value)));
  const placements = new Map<UnitName, MachineId>();
  const original: SchedulerUnit[] = [];
  for (const value of fields.list('units')) {
    const unit = new Fields(value);
    // A unit whose text cannot be read is missing from the original's snapshot.
    const read = readUnit(unit);
    if (read === null) continue;
    original.push(read);
    if (unit.has('scheduledTo')) placements.set(read.name, unit.string('scheduledTo') as MachineId);
  }
  const units = original.map((unit) => (known(unit.targetState) ? unit : { ...unit, targetState: 'inactive' as const }));
  return {
    snapshot: { machines, units, placements, held: new Map() },
    original: { machines: [...new Map(machines.map((machine) => [machine.id, machine])).values()], units: original, placements },
    unrecordedTarget: original.some((unit) => !known(unit.targetState)),
    determinism: readDeterminism(fields.string('determinism')),
    expected: fields.list('expected') as Task[],
    alternatives: fields.list('alternatives') as Task[][],
    laterRounds: fields.list('laterRounds') as Task[][],
  };
}

export function toTask({ kind, unit, machine, reason }: Step): Task {
  return { type: kind === 'unschedule' ? 'UnscheduleUnit' : 'AttemptScheduleUnit', unit, machine, reason: reason.text };
}

function readMachine(fields: Fields): SchedulerMachine {
  return { id: fields.string('id') as MachineId, metadata: new Fields(fields.get('metadata')).all() as Metadata };
}

function readUnit(fields: Fields): SchedulerUnit | null {
  const name = fields.string('name');
  const read = parseUnitFile(fields.string('text'));
  if (!read.ok) return null;
  const requirements = readRequirements(read.options, name);
  return { name: name as UnitName, targetState: fields.string('targetState') as TargetState, requirements };
}

function readDeterminism(word: string): SchedulingCase['determinism'] {
  if (word === 'exact' || word === 'order' || word === 'outcome') return word;
  throw new TypeError(`determinism "${word}" is not known`);
}

function known(targetState: string): boolean {
  return targetState === 'inactive' || targetState === 'loaded' || targetState === 'launched';
}
