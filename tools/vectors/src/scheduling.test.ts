import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { runner as agent } from './agent.ts';
import { Fields } from './fields.ts';
import { OriginalEngine, type Task } from './original-engine.ts';
import type { CaseResult } from './outcome.ts';
import { readCase } from './scheduling-case.ts';
import { RULES } from './scheduling-rules.ts';
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

  const wrong = { ...bare, units: [unit('a.service', '')], expected: [task('AttemptScheduleUnit', 'a.service', 'm2')], finalSchedule: {} };

  it('fails a decision that the original always takes otherwise, when no rule is about anything in the case', async () => {
    const [result] = await results(scheduling.run([{ ...wrong, determinism: 'exact' }]));
    expect(result?.outcome.kind).toBe('failed');
    expect(result?.outcome).toHaveProperty('difference', expect.stringContaining('tasks (exact): got [{"type":"AttemptScheduleUnit","unit":"a.service","machine":"m1"'));
  });

  it('names the rule of fixed order where the original goes by chance', async () => {
    const [result] = await results(scheduling.run([{ ...wrong, determinism: 'order' }]));
    expect(result?.outcome).toHaveProperty('rule', expect.stringContaining('E1: '));
  });

  it('compares only what a case records', async () => {
    const { id, machines, units } = wrong;
    const expected = [task('AttemptScheduleUnit', 'a.service', 'm1')];
    const [result] = await results(scheduling.run([{ id, machines, units, expected, determinism: 'exact' }]));
    expect(result?.outcome).toEqual({ kind: 'passed' });
  });
});

describe('the rules of departure', () => {
  it('each have their row in the table of differences', () => {
    const table = readFileSync(new URL('../../../docs/compatibility/scheduling.md', import.meta.url), 'utf8');
    const names = RULES.flatMap(({ text }) => (text.split(':')[0] ?? '').split(', '));
    expect(names).toContain('E8');
    expect(names.filter((name) => !table.includes(`(${name})`))).toEqual([]);
  });
});

describe('agent.jsonl', () => {
  it('passes whole', async () => {
    const outcomes = await results(agent.run(recorded('agent.jsonl')));
    expect(outcomes.filter(({ outcome }) => outcome.kind !== 'passed')).toEqual([]);
    expect(outcomes).toHaveLength(26);
  });
});
