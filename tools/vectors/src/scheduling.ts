import { isDeepStrictEqual } from 'node:util';

import type { MachineId } from '@fleet/model';
import { checkPlan, ClusterModel, compareBytes, type ClusterSnapshot, desiredUnits, planCluster, type SchedulerMachine } from '@fleet/scheduler';

import { Comparison, show } from './compare.ts';
import type { Fields } from './fields.ts';
import { type OriginalCluster, OriginalEngine, type Task } from './original-engine.ts';
import { failed, type Outcome } from './outcome.ts';
import { runEach } from './run-each.ts';
import { readCase, type SchedulingCase, toTask } from './scheduling-case.ts';
import { departureRule } from './scheduling-rules.ts';

const MAX_LATER_ROUNDS = 5;

export const runner = runEach(
  'scheduling.jsonl',
  (fields) => fields.label('id', 'title'),
  (fields) => {
    const read = readCase(fields);
    const faults = selfCheck(read.snapshot);
    if (faults.length > 0) return failed(faults.join('\n'));
    const outcome = compareWithOriginal(fields, read);
    if (outcome.kind !== 'failed') return outcome;
    const rule = departureRule(read);
    return rule === null ? outcome : { kind: 'departed', difference: outcome.difference, rule };
  },
);

/** What must hold for our own plan, whatever the original does. */
function selfCheck(snapshot: ClusterSnapshot): string[] {
  const plan = planCluster(snapshot);
  const faults = checkPlan(snapshot, plan).map(({ code, message }) => `our own plan breaks a rule: ${code}: ${message}`);
  const model = ClusterModel.fromSnapshot(snapshot);
  model.plan();
  const again = planCluster(model.snapshot()).steps;
  if (again.length > 0) faults.push(`our own plan does not settle: then ${show(again.map(toTask))}`);
  return faults;
}

function compareWithOriginal(fields: Fields, read: SchedulingCase): Outcome {
  const comparison = new Comparison(fields);
  const rounds = ourRounds(read.snapshot);
  const first = rounds[0] ?? [];
  if (fields.has('expected')) comparison.check(`tasks (${read.determinism})`, isExpected(first, read) ? read.expected : first, [read.expected]);
  const later = rounds.slice(1);
  if (sameTasks(first, read.expected)) {
    const sameRounds = later.length === read.laterRounds.length && later.every((round, i) => sameTasks(round, read.laterRounds[i] ?? []));
    if (sameRounds || !fields.has('laterRounds')) comparison.field('finalSchedule', finalSchedule(read.snapshot));
    else if (!laterRoundsReachable(read, rounds)) comparison.field('laterRounds', later);
  }
  if (fields.get('engineViewArbitrary') !== true) comparison.field('engineView', engineView(read.snapshot));
  comparison.field('agentView', agentView(read.snapshot));
  return comparison.outcome();
}

function isExpected(tasks: readonly Task[], read: SchedulingCase): boolean {
  switch (read.determinism) {
    case 'exact':
      return isDeepStrictEqual(tasks, read.expected);
    case 'order':
      return sameTasks(tasks, read.expected);
    case 'outcome':
      return [read.expected, ...read.alternatives].some((seen) => sameTasks(tasks, seen)) || isReachable(read.original, tasks);
  }
}

/** First the tasks of one pass, then those of the passes after it up to the first empty one, as the recorded cases have them. */
function ourRounds(snapshot: ClusterSnapshot): readonly (readonly Task[])[] {
  const model = ClusterModel.fromSnapshot(snapshot);
  const rounds: Task[][] = [];
  do rounds.push(model.plan({ passes: 1 }).steps.map(toTask));
  while (rounds.at(-1)?.length !== 0 && rounds.length <= MAX_LATER_ROUNDS);
  return rounds;
}

function laterRoundsReachable(read: SchedulingCase, rounds: readonly (readonly Task[])[]): boolean {
  const placements = new Map(read.original.placements);
  return rounds.every((round) => {
    const reachable = isReachable({ ...read.original, placements: new Map(placements) }, round);
    for (const { type, unit, machine } of round) {
      if (type === 'UnscheduleUnit') placements.delete(unit);
      else placements.set(unit, machine);
    }
    return reachable;
  });
}

/** Whether the original makes the same tasks if it happens to visit units in the order in which we took them. */
function isReachable(cluster: OriginalCluster, tasks: readonly Task[]): boolean {
  const scheduled = tasks.filter((task) => task.type === 'UnscheduleUnit').map((task) => task.unit);
  const unscheduled = tasks.filter((task) => task.type === 'AttemptScheduleUnit').map((task) => task.unit);
  return sameTasks(tasks, new OriginalEngine(cluster).pass({ scheduled, unscheduled }));
}

function finalSchedule(snapshot: ClusterSnapshot): Readonly<Record<string, string>> {
  const model = ClusterModel.fromSnapshot(snapshot);
  model.plan();
  return Object.fromEntries(model.snapshot().placements);
}

function engineView(snapshot: ClusterSnapshot): Readonly<Record<string, readonly string[]>> {
  const model = ClusterModel.fromSnapshot(snapshot);
  return perMachine(snapshot, (machine) => model.countedOn(machine.id));
}

function agentView(snapshot: ClusterSnapshot): Readonly<Record<string, readonly string[]>> {
  const globals = snapshot.units.filter((unit) => unit.requirements.global);
  return perMachine(snapshot, (machine) => {
    const scheduled = snapshot.units.filter((unit) => snapshot.placements.get(unit.name) === machine.id);
    return desiredUnits({ machine, scheduled, globals }).map((unit) => unit.name);
  });
}

function perMachine(
  { machines }: ClusterSnapshot,
  names: (machine: SchedulerMachine) => readonly string[],
): Readonly<Record<MachineId, readonly string[]>> {
  return Object.fromEntries([...machines].map((machine) => [machine.id, [...names(machine)].sort(compareBytes)]));
}

function sameTasks(a: readonly Task[], b: readonly Task[]): boolean {
  const sorted = (tasks: readonly Task[]): string[] => tasks.map(({ type, unit, machine, reason }) => JSON.stringify([type, unit, machine, reason])).sort();
  return isDeepStrictEqual(sorted(a), sorted(b));
}
