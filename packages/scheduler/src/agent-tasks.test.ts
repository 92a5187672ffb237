import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hashUnitFile, parseUnitFile } from '@fleet/unit-parser';
import { type AgentTask, type CurrentUnit, planAgentTasks, planUnitTasks } from './agent-tasks.ts';

interface Recorded {
  readonly title: string;
  readonly desired: readonly { readonly name: string; readonly targetState: string; readonly text: string }[];
  readonly current: Readonly<Record<string, Omit<CurrentUnit, 'name'>>>;
  readonly expected: readonly { readonly type: string; readonly unit: string | null; readonly reason: string }[];
}

const TYPES: Readonly<Record<AgentTask['kind'], string>> = {
  unload: 'UnloadUnit',
  load: 'LoadUnit',
  reload: 'ReloadUnitFiles',
  stop: 'StopUnit',
  start: 'StartUnit',
};

const recorded = readFileSync(join(import.meta.dirname, '../testdata/agent.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

function hashOf(text: string): string {
  const read = parseUnitFile(text);
  if (!read.ok) throw new Error(read.error.message);
  return hashUnitFile(read.options);
}

describe('planAgentTasks', () => {
  it.each(recorded)('as the original: $title', ({ desired, current, expected }) => {
    const tasks = planAgentTasks(
      desired.map(({ name, targetState, text }) => ({ name, targetState, hash: hashOf(text) })),
      Object.entries(current).map(([name, unit]) => ({ name, ...unit })),
    );
    expect(tasks.map(({ kind, unit, reason }) => ({ type: TYPES[kind], unit, reason }))).toEqual(expected);
  });

  it('does nothing the second time', () => {
    const desired = [
      { name: 'a.service', targetState: 'launched', hash: '1' },
      { name: 'b.service', targetState: 'loaded', hash: '2' },
    ];
    const done: CurrentUnit[] = [
      { name: 'a.service', state: 'launched', hash: '1' },
      { name: 'b.service', state: 'loaded', hash: '2' },
    ];
    expect(planAgentTasks(desired, done)).toEqual([]);
  });

  it('gives the tasks of one unit in the order in which they must run', () => {
    const desired = { name: 'a.service', targetState: 'launched', hash: 'new' };
    const tasks = planUnitTasks('a.service', desired, { name: 'a.service', state: 'launched', hash: 'old' });
    expect(tasks.map(({ kind }) => kind)).toEqual(['unload', 'load', 'start']);
  });
});
