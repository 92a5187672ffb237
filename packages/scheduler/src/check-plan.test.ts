import { describe, expect, it } from '@jest/globals';
import type { MachineId, UnitName } from '@fleet/model';
import { checkPlan, type Violation } from './check-plan.ts';
import { machineGone, notScheduled, replaced, targetInactive, unitGone } from './reason.ts';
import type { ClusterSnapshot, Reason, SchedulerUnit, Step } from './types.ts';

const m1 = 'm1' as MachineId;
const m2 = 'm2' as MachineId;

function unit(name: string, requirements: Partial<SchedulerUnit['requirements']> = {}, targetState: SchedulerUnit['targetState'] = 'launched'): SchedulerUnit {
  const none = { machineId: null, machineOf: [], conflicts: [], replaces: [], metadata: new Map<string, Set<string>>(), global: false };
  return { name: name as UnitName, targetState, requirements: { ...none, ...requirements } };
}

function snapshot(units: SchedulerUnit[], placements: Record<string, string> = {}, held: Record<string, MachineId[]> = {}): ClusterSnapshot {
  return {
    machines: [
      { id: m1, metadata: {} },
      { id: m2, metadata: { region: 'eu' } },
    ],
    units,
    placements: new Map(Object.entries(placements) as [UnitName, MachineId][]),
    held: new Map(Object.entries(held).map(([name, machines]) => [name as UnitName, new Set(machines)])),
  };
}

const schedule = (name: string, machine: MachineId): Step => ({ kind: 'schedule', unit: name as UnitName, machine, reason: notScheduled('launched') });
const unschedule = (name: string, machine: MachineId, reason: Reason): Step => ({ kind: 'unschedule', unit: name as UnitName, machine, reason });

interface Row {
  readonly name: string;
  readonly before: ClusterSnapshot;
  readonly steps: readonly Step[];
  readonly codes: readonly Violation['code'][];
}

const eu = { metadata: new Map([['region', new Set(['eu'])]]) };

const rows: readonly Row[] = [
  { name: 'nothing to do', before: snapshot([unit('a')], { a: 'm1' }), steps: [], codes: [] },
  { name: 'a right placement', before: snapshot([unit('a', eu)]), steps: [schedule('a', m2)], codes: [] },
  { name: 'a unit nobody knows', before: snapshot([]), steps: [schedule('a', m1)], codes: ['unknown-unit', 'unknown-unit'] },
  { name: 'a machine that is not there', before: snapshot([unit('a')]), steps: [schedule('a', 'm9' as MachineId)], codes: ['unknown-machine', 'unknown-machine'] },
  { name: 'a global unit', before: snapshot([unit('a', { global: true })]), steps: [schedule('a', m1)], codes: ['wrong-kind', 'wrong-kind'] },
  { name: 'an inactive unit', before: snapshot([unit('a', {}, 'inactive')]), steps: [schedule('a', m1)], codes: ['inactive'] },
  { name: 'a second machine', before: snapshot([unit('a')], { a: 'm1' }), steps: [schedule('a', m2)], codes: ['placed-twice'] },
  { name: 'held elsewhere', before: snapshot([unit('a')], {}, { a: [m1] }), steps: [schedule('a', m2)], codes: ['held-elsewhere'] },
  { name: 'held by a machine that is gone', before: snapshot([unit('a')], {}, { a: ['m9' as MachineId] }), steps: [schedule('a', m2)], codes: [] },
  { name: 'metadata not met', before: snapshot([unit('a', eu)]), steps: [schedule('a', m1)], codes: ['metadata'] },
  { name: 'the wrong machine id', before: snapshot([unit('a', { machineId: 'm2' })]), steps: [schedule('a', m1)], codes: ['machine-id'] },
  { name: 'a follower elsewhere', before: snapshot([unit('a'), unit('b', { machineOf: ['a'] })], { a: 'm1' }), steps: [schedule('b', m2)], codes: ['machine-of'] },
  {
    name: 'a conflict, seen from both sides',
    before: snapshot([unit('a'), unit('b', { conflicts: ['a'] })], { a: 'm1' }),
    steps: [schedule('b', m1)],
    codes: ['conflict', 'conflict'],
  },
  { name: 'a unit without a machine though one would do', before: snapshot([unit('a')]), steps: [], codes: ['missed'] },
  { name: 'taken from where it is not', before: snapshot([unit('a')], { a: 'm1' }), steps: [unschedule('a', m2, targetInactive)], codes: ['not-placed-there'] },
  { name: 'taken without cause: not inactive', before: snapshot([unit('a')], { a: 'm1' }), steps: [unschedule('a', m1, targetInactive), schedule('a', m1)], codes: ['no-cause'] },
  { name: 'taken without cause: not gone', before: snapshot([unit('a')], { a: 'm1' }), steps: [unschedule('a', m1, machineGone(m1)), schedule('a', m2)], codes: ['no-cause'] },
  { name: 'taken without cause: known', before: snapshot([unit('a')], { a: 'm1' }), steps: [unschedule('a', m1, unitGone), schedule('a', m2)], codes: ['no-cause'] },
  {
    name: 'replaced and left without a machine',
    before: snapshot([unit('a', { machineId: 'm1' }), unit('b', { replaces: ['a'] })], { a: 'm1', b: 'm1' }),
    steps: [unschedule('a', m1, replaced(m1, 'a', 'b'))],
    codes: ['replaced-without-destination', 'missed'],
  },
  {
    name: 'replaced by a unit that does not replace it',
    before: snapshot([unit('a'), unit('b')], { a: 'm1', b: 'm1' }),
    steps: [unschedule('a', m1, replaced(m1, 'a', 'b')), schedule('a', m2)],
    codes: ['no-cause'],
  },
];

describe('checkPlan', () => {
  it.each(rows)('$name', ({ before, steps, codes }) => {
    expect(checkPlan(before, { steps }).map(({ code }) => code)).toEqual(codes);
  });
});
