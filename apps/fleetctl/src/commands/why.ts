import { findUnit, type HistoryEntry, type MachineInfo, type UnitDetail } from '@fleet/api-client/fast';
import { readRequirements } from '@fleet/unit-parser';
import type { CommandModule } from '../cli/definition.ts';
import { tellError } from '../cli/describe-failure.ts';
import { formatMetadata, machineLegend } from '../view/columns.ts';
import { styleOf, type Style } from '../view/style.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';

export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  using client = await context.client();
  let code = 0;
  try {
    const { units, missing } = await findArgumentUnits(client, args, signal);
    const { machines } = await client.listMachines({}, { signal });
    const details: UnitDetail[] = [];
    for (const unit of units) {
      const detail = await findUnit(client, unit.name, signal);
      if (detail !== undefined) details.push(detail);
    }
    if (flags.on('json')) stdout.write(`${JSON.stringify(details, null, 2)}\n`);
    else stdout.write(details.map((detail) => explain(detail, machines, client.legacy === true, styleOf(stdout, context.env))).join('\n'));
    for (const name of missing) {
      stderr.write(`Unit ${name} does not exist.\n`);
      code = 1;
    }
  } catch (error) {
    return tellError(error, stderr, (message) => `Error retrieving unit: ${message}`);
  }
  return code;
};

/** Everything that is known about why a unit is where it is. Pure. */
export function explain(unit: UnitDetail, machines: readonly MachineInfo[], legacy: boolean, style: Style): string {
  const legend = (id: string): string => machineLegend(id, machines.find((machine) => machine.id === id)?.primaryIP, false);
  const lines = [style.bold(unit.name), `  wanted:  ${unit.desiredState}${unit.global ? ' on every machine that fits (global)' : ''}`];
  lines.push(`  now:     ${placeOf(unit, legend)}`);
  if (unit.placementReason !== undefined) lines.push(`  placed:  ${unit.placementReason}`);
  if (unit.pending !== undefined) {
    lines.push(`  pending: ${style.yellow(unit.pending.summary)}`);
    if (unit.pending.rejections.length > 1) {
      for (const { machines: count, code, detail } of unit.pending.rejections) lines.push(`           ${count} of ${unit.pending.machines}: ${code}${detail === '' ? '' : ` ${detail}`}`);
    }
  } else if (!unit.global && unit.desiredState !== 'inactive' && (unit.machineID ?? '') === '') {
    lines.push(`  pending: ${legacy ? 'this fleetd does not say why; compare what the unit asks for with fleetctl list-machines' : 'the engine has not looked at it yet'}`);
  }
  for (const state of unit.states) {
    lines.push(`  systemd: ${state.load} ${state.active} ${state.sub} on ${legend(state.machineID)}${state.hash === unit.hash ? '' : ' (other text still loaded)'}`);
    if (state.reason !== undefined) lines.push(`           ${style.red(state.reason)}`);
  }
  for (const line of asks(unit)) lines.push(`  asks:    ${line}`);
  for (const entry of unit.history) lines.push(`  ${style.dim(entry.time)}  ${historyText(entry, legend)}`);
  return `${lines.join('\n')}\n`;
}

function placeOf(unit: UnitDetail, legend: (id: string) => string): string {
  if (unit.global) return `on ${unit.states.length} ${unit.states.length === 1 ? 'machine' : 'machines'}`;
  if ((unit.machineID ?? '') === '') return `${unit.currentState}, on no machine`;
  return `${unit.currentState} on ${legend(unit.machineID ?? '')}`;
}

function asks(unit: UnitDetail): string[] {
  const { machineId, machineOf, conflicts, replaces, metadata } = readRequirements(unit.options, unit.name);
  const lines: string[] = [];
  if (machineId !== null) lines.push(`the machine ${machineId}`);
  for (const [key, values] of metadata) lines.push(`a machine with ${formatMetadata({ [key]: [...values].join(' or ') })}`);
  if (machineOf.length > 0) lines.push(`the machine of ${machineOf.join(', ')}`);
  if (conflicts.length > 0) lines.push(`a machine without ${conflicts.join(', ')}`);
  if (replaces.length > 0) lines.push(`to take the place of ${replaces.join(', ')}`);
  return lines;
}

function historyText(entry: HistoryEntry, legend: (id: string) => string): string {
  const from = entry.fromMachineID === undefined ? '' : ` from ${legend(entry.fromMachineID)}`;
  const to = entry.machineID === undefined ? '' : `${entry.event === 'moved' ? ' to' : ' on'} ${legend(entry.machineID)}`;
  return `${entry.event}${from}${to}${entry.reason === undefined ? '' : `: ${entry.reason}`}`;
}
