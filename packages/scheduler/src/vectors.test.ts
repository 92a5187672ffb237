import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { MachineId, Metadata, TargetState, UnitName } from '@fleet/model';
import { parseUnitFile, readRequirements } from '@fleet/unit-parser';
import { checkPlan } from './check-plan.ts';
import { planCluster } from './plan-cluster.ts';
import type { ClusterSnapshot, SchedulerUnit } from './types.ts';

interface Task {
  readonly type: string;
  readonly unit: string;
  readonly machine: string;
  readonly reason: string;
}

interface Recorded {
  readonly id: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly machines: readonly { readonly id: string; readonly metadata: Metadata }[];
  readonly units: readonly { readonly name: string; readonly text: string; readonly targetState: string; readonly scheduledTo?: string }[];
  readonly expected: readonly Task[];
  readonly alternatives?: readonly (readonly Task[])[];
  readonly determinism: 'exact' | 'order' | 'outcome';
}

const recorded = readFileSync(join(import.meta.dirname, '../testdata/scheduling.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

/** Where we decide otherwise on purpose: what we do instead, and the rule of docs/compatibility/scheduling.md that it follows. */
const DEPARTED: ReadonlyMap<string, { readonly rule: string; readonly steps: readonly string[] }> = new Map([
  ['s-108', { rule: 'E4', steps: [] }],
  ['s-110', { rule: 'E5', steps: [] }],
  ['s-113', { rule: 'E5', steps: ['schedule old.service m2'] }],
  ['s-117', { rule: 'E6', steps: ['schedule a.service m1'] }],
  ['s-123', { rule: 'E13', steps: ['unschedule a.service m1'] }],
  ['s-126', { rule: 'E6', steps: [] }],
  ['s-129', { rule: 'E8', steps: [] }],
  ['s-130', { rule: 'E8', steps: ['unschedule a.service m1'] }],
]);

const differences = readFileSync(join(import.meta.dirname, '../../../docs/compatibility/scheduling.md'), 'utf8');

function snapshotOf({ machines, units }: Recorded): ClusterSnapshot {
  const placements = units.flatMap(({ name, scheduledTo }): [UnitName, MachineId][] =>
    scheduledTo === undefined ? [] : [[name as UnitName, scheduledTo as MachineId]],
  );
  return {
    machines: machines.map(({ id, metadata }) => ({ id: id as MachineId, metadata })),
    units: units.flatMap(({ name, text, targetState }): SchedulerUnit[] => {
      const read = parseUnitFile(text);
      if (!read.ok) return [];
      const requirements = readRequirements(read.options, name);
      return [{ name: name as UnitName, targetState: (targetState === '' ? 'inactive' : targetState) as TargetState, requirements }];
    }),
    placements: new Map(placements),
    held: new Map(),
  };
}

function isAsRecorded(tasks: readonly Task[], { determinism, expected, alternatives = [] }: Recorded): boolean {
  if (determinism === 'exact') return isDeepStrictEqual(tasks, expected);
  const sorted = (list: readonly Task[]): string[] => list.map((task) => Object.values(task).join('\n')).sort();
  return [expected, ...alternatives].some((list) => isDeepStrictEqual(sorted(tasks), sorted(list)));
}

describe('the decisions of the original', () => {
  it.each(recorded)('$id $title', (each) => {
    const snapshot = snapshotOf(each);
    const { steps } = planCluster(snapshot, { passes: 1 });
    const tasks = steps.map(({ kind, unit, machine, reason }) => ({
      type: kind === 'schedule' ? 'AttemptScheduleUnit' : 'UnscheduleUnit',
      unit,
      machine,
      reason: reason.text,
    }));
    const departed = DEPARTED.get(each.id);
    expect(isAsRecorded(tasks, each)).toBe(departed === undefined);
    if (departed !== undefined) {
      expect(each.tags).toContain('quirk');
      expect(steps.map(({ kind, unit, machine }) => `${kind} ${unit} ${machine}`)).toEqual(departed.steps);
      expect(differences).toContain(`(${departed.rule})`);
    }
    expect(checkPlan(snapshot, planCluster(snapshot))).toEqual([]);
  });
});
