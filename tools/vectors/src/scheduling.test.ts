import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { runner as agent } from './agent.ts';
import { Fields } from './fields.ts';
import { OriginalEngine, type Task } from './original-engine.ts';
import type { CaseResult } from './outcome.ts';
import { readCase } from './scheduling-case.ts';
import { runner as scheduling } from './scheduling.ts';

function recorded(file: string): unknown[] {
  const path = new URL(`../../../packages/scheduler/testdata/${file}`, import.meta.url);
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

async function results(run: AsyncIterable<CaseResult>): Promise<readonly CaseResult[]> {
  const all: CaseResult[] = [];
  for await (const result of run) all.push(result);
  return all;
}

const unit = (name: string, options: string, scheduledTo?: string): object => ({
  name,
  targetState: 'launched',
  text: `[X-Fleet]\n${options}\n`,
  ...(scheduledTo === undefined ? {} : { scheduledTo }),
});
const task = (type: Task['type'], name: string, machine: string): Task => ({ type, unit: name, machine, reason: 'target state launched and unit not scheduled' });
const bare = { id: 'x', title: 'made up', tags: [], machines: [{ id: 'm1', metadata: {} }, { id: 'm2', metadata: {} }], laterRounds: [[]], settled: true };

describe('scheduling.jsonl', () => {
  it('passes, but for quirks that are departed from by a rule', async () => {
    const outcomes = await results(scheduling.run(recorded('scheduling.jsonl')));
    expect(outcomes.filter(({ outcome }) => outcome.kind === 'failed')).toEqual([]);
    const departed = outcomes.flatMap(({ id, outcome }) => (outcome.kind === 'departed' ? [`${id.split(' ')[0] ?? ''} ${outcome.rule.split(':')[0] ?? ''}`] : []));
    expect(departed).toEqual([
      's-108 E3, E4, E5',
      's-110 E3, E4, E5',
      's-113 E3, E4, E5',
      's-117 E6',
      's-118 E7',
      's-123 E13',
      's-126 E6',
      's-128 E7',
      's-129 E8',
      's-130 E8',
    ]);
  });

  it('tells what the original decides, for every recorded case', () => {
    const differing = recorded('scheduling.jsonl').flatMap((value) => {
      const fields = new Fields(value);
      const { original, expected } = readCase(fields);
      const order = original.units.map(({ name }) => name).sort();
      const tasks = new OriginalEngine(original).pass({ scheduled: order, unscheduled: order });
      return isDeepStrictEqual(tasks, expected) ? [] : [fields.string('id')];
    });
    expect(differing).toEqual([]);
  });

  const chain = [unit('a.service', 'MachineOf=b.service'), unit('b.service', 'MachineOf=c.service'), unit('c.service', '')];

  it('accepts an outcome that was not seen but that the original can have', async () => {
    const expected = [task('AttemptScheduleUnit', 'c.service', 'm1')];
    const [result] = await results(scheduling.run([{ ...bare, units: chain, expected, determinism: 'outcome', alternatives: [] }]));
    expect(result?.outcome).toEqual({ kind: 'passed' });
  });

  it('tells a wrong decision', async () => {
    const expected = [task('AttemptScheduleUnit', 'a.service', 'm2')];
    const [result] = await results(scheduling.run([{ ...bare, units: [unit('a.service', '')], expected, determinism: 'exact', finalSchedule: {} }]));
    expect(result?.outcome.kind).toBe('departed');
    expect(result?.outcome).toHaveProperty('difference', expect.stringContaining('tasks (exact): got [{"type":"AttemptScheduleUnit","unit":"a.service","machine":"m1"'));
  });
});

describe('agent.jsonl', () => {
  it('passes whole', async () => {
    const outcomes = await results(agent.run(recorded('agent.jsonl')));
    expect(outcomes.filter(({ outcome }) => outcome.kind !== 'passed')).toEqual([]);
    expect(outcomes).toHaveLength(26);
  });
});
