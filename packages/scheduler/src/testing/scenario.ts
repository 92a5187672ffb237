import type { MachineId, TargetState, UnitName } from '@fleet/model';
import { parseUnitFile, readRequirements } from '@fleet/unit-parser';
import { checkPlan } from '../check-plan.ts';
import { ClusterModel } from '../cluster-model.ts';
import { desiredUnits } from '../desired-units.ts';
import { planCluster } from '../plan-cluster.ts';

/**
 * Runs a scenario: blocks of commands, a line `----`, and what they print, apart by empty lines; `#` begins a comment. Returns the
 * scenario with what the commands really print, so that a scenario is right if it comes back unchanged.
 *
 * Commands: `machine ID [key=value…]`, `machine-gone ID`, `unit NAME TARGET` (options of `[X-Fleet]` indented below), `destroy NAME`,
 * `placed NAME ID|nowhere`, `held NAME ID`, `released NAME ID`, `plan [passes=N]`, `show`, `why NAME`, `desired ID`.
 */
export function runScenario(text: string): string {
  const model = new ClusterModel();
  const blocks = text.trimEnd().split(/\n{2,}/);
  const done = blocks.map((block) => {
    const [commands = ''] = block.split(/^----$/m);
    const lines = commands.trimEnd().split('\n');
    if (lines.every((line) => line.startsWith('#'))) return block;
    const output = runBlock(model, lines);
    return [...lines, '----', ...output].join('\n');
  });
  return `${done.join('\n\n')}\n`;
}

function runBlock(model: ClusterModel, lines: readonly string[]): string[] {
  const output: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.startsWith('#')) continue;
    const options: string[] = [];
    while (lines[at + 1]?.startsWith(' ') === true) options.push((lines[++at] ?? '').trim());
    output.push(...runCommand(model, line.split(' '), options));
  }
  return output;
}

function runCommand(model: ClusterModel, [command, first = '', ...more]: readonly string[], options: readonly string[]): string[] {
  const unit = first as UnitName;
  const [second = ''] = more;
  switch (command) {
    case 'machine':
      model.setMachine({ id: first as MachineId, metadata: Object.fromEntries(more.map(splitPair)) });
      return [];
    case 'machine-gone':
      model.removeMachine(first as MachineId);
      return [];
    case 'unit': {
      const read = parseUnitFile(['[X-Fleet]', ...options, ''].join('\n'));
      if (!read.ok) throw new Error(`options of ${unit} cannot be parsed: ${read.error.message}`);
      model.setUnit({ name: unit, targetState: second as TargetState, requirements: readRequirements(read.options, unit) });
      return [];
    }
    case 'destroy':
      model.removeUnit(unit);
      return [];
    case 'placed':
      model.setPlacement(unit, second === 'nowhere' ? null : (second as MachineId));
      return [];
    case 'held':
    case 'released':
      model.setHeld(unit, second as MachineId, command === 'held');
      return [];
    case 'plan':
      return plan(model, first === '' ? undefined : Number(first.replace('passes=', '')));
    case 'show':
      return show(model);
    case 'why':
      return [model.explain(unit)?.summary ?? `${unit} is not known`];
    case 'desired':
      return [desired(model, first as MachineId)];
    default:
      throw new Error(`no such command: ${String(command)}`);
  }
}

function plan(model: ClusterModel, passes?: number): string[] {
  const before = model.snapshot();
  const { steps, pending } = model.plan(passes === undefined ? {} : { passes });
  const lines = steps.map(({ kind, unit, machine, reason }) =>
    kind === 'schedule' ? `+ ${unit} on ${machine}: ${reason.text}` : `- ${unit} from ${machine}: ${reason.text}`,
  );
  for (const [unit, why] of [...pending].sort()) lines.push(why === null ? `! ${unit} is no longer pending` : `? ${unit}: ${why.summary}`);
  if (passes === undefined) {
    lines.push(...checkPlan(before, { steps }).map(({ message }) => `BROKEN: ${message}`));
    if (planCluster(model.snapshot()).steps.length > 0) lines.push('BROKEN: a second plan is not empty');
  }
  return lines.length === 0 ? ['nothing to do'] : lines;
}

function show(model: ClusterModel): string[] {
  return model.snapshot().machines.map(({ id }) => [`${id}:`, ...model.countedOn(id)].join(' '));
}

function desired(model: ClusterModel, id: MachineId): string {
  const { machines, units, placements } = model.snapshot();
  const machine = machines.find((each) => each.id === id);
  if (machine === undefined) return `${id} is not present`;
  const scheduled = units.filter(({ name }) => placements.get(name) === id);
  const globals = units.filter(({ requirements }) => requirements.global);
  return desiredUnits({ machine, scheduled, globals })
    .map(({ name, targetState }) => `${name} ${targetState}`)
    .join(', ');
}

function splitPair(pair: string): [string, string] {
  const [key = '', value = ''] = pair.split('=');
  return [key, value];
}
