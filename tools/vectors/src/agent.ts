import { isTargetState } from '@fleet/model';
import { type AgentTask, planAgentTasks, type CurrentUnit, type DesiredUnit } from '@fleet/scheduler';
import { hashUnitFile, parseUnitFile } from '@fleet/unit-parser';

import { Comparison } from './compare.ts';
import { Fields } from './fields.ts';
import { runEach } from './run-each.ts';

const TYPES: Readonly<Record<AgentTask['kind'], string>> = {
  unload: 'UnloadUnit',
  load: 'LoadUnit',
  reload: 'ReloadUnitFiles',
  stop: 'StopUnit',
  start: 'StartUnit',
};

export const runner = runEach(
  'agent.jsonl',
  (fields) => fields.label('title'),
  (fields) => {
    const desired = fields.list('desired').map((value) => readDesired(new Fields(value)));
    const current = Object.entries(new Fields(fields.get('current')).all()).map(([name, value]) => readCurrent(name, new Fields(value)));
    const tasks = planAgentTasks(desired, current).map(({ kind, unit, reason }) => ({ type: TYPES[kind], unit, reason }));
    const comparison = new Comparison(fields);
    comparison.field('expected', tasks);
    return comparison.outcome();
  },
);

function readDesired(fields: Fields): DesiredUnit {
  const name = fields.string('name');
  const read = parseUnitFile(fields.string('text'));
  if (!read.ok) throw new TypeError(`text of ${name} cannot be parsed: ${read.error.message}`);
  return { name, targetState: fields.string('targetState'), hash: hashUnitFile(read.options) };
}

function readCurrent(name: string, fields: Fields): CurrentUnit {
  const state = fields.string('state');
  if (!isTargetState(state)) throw new TypeError(`remembered state of ${name} is ${state}`);
  return { name, state, hash: fields.string('hash') };
}
