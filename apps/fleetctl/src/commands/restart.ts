import { unitError, type Goal, type UnitSummary } from '@fleet/api-client/fast';
import { isFleetError } from '@fleet/runtime';
import type { CommandModule } from '../cli/definition.ts';
import { runOnMachine } from '../remote/machine-runner.ts';
import { findPlaces } from '../remote/unit-machines.ts';
import { machineLegend } from '../view/columns.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';
import { failureReason, waitAndReport, waitLimits } from './wait.ts';

/** Stops what is launched, waits until it has stopped, launches it again. All units together. */
export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  const client = await context.client();
  let code = 0;
  const fail = (message: string): void => {
    stderr.write(`${message}\n`);
    code = 1;
  };
  const set = async (units: readonly UnitSummary[], desiredState: 'loaded' | 'launched'): Promise<UnitSummary[]> => {
    if (units.length === 0) return [];
    const { results } = await client.setUnitStates({ changes: units.map(({ name }) => ({ name, desiredState })) }, { signal });
    const refused = new Set<string>();
    for (const result of results) {
      if (result.error === undefined) continue;
      refused.add(result.name);
      fail(`Error setting target state for unit ${result.name}: ${unitError(result.error).message}`);
    }
    return units.filter((unit) => !refused.has(unit.name));
  };
  const wait = async (units: readonly UnitSummary[], goal: Goal): Promise<UnitSummary[]> => {
    const failures = await waitAndReport(context, client, { goals: new Map(units.map((unit) => [unit.name, goal])), limits: waitLimits(flags) });
    for (const failure of failures) fail(`Error waiting for units: ${failureReason(failure)}`);
    return units.filter((unit) => !failures.some((failure) => failure.name === unit.name));
  };
  try {
    const { units, named, missing } = await findArgumentUnits(client, args, signal);
    for (const name of missing) fail(`Unit ${name} not found in registry`);
    const single = units.filter((unit) => !unit.global);
    for (const unit of single) if (unit.desiredState === 'inactive' && named.has(unit.name)) fail(`Unable to restart unit ${unit.name} in state inactive`);
    const running = single.filter((unit) => unit.desiredState === 'launched');
    context.interruption = 'Interrupted. Units that were stopped and not yet started again stay loaded; start them with: fleetctl start';
    const stopped = await wait(await set(running, 'loaded'), 'stopped');
    await wait(await set([...stopped, ...single.filter((unit) => unit.desiredState === 'loaded')], 'launched'), 'launched');

    const globals = units.filter((unit) => unit.global);
    const places = globals.length === 0 ? [] : await findPlaces(client, globals, signal);
    for (const unit of globals) if (!places.some((place) => place.unit === unit.name)) fail(`Global unit ${unit.name} is on no machine`);
    for (const { unit, machine } of places) {
      if (machine.info?.unitLogs !== undefined) {
        fail(`Global unit ${unit} cannot be restarted on ${machineLegend(machine.id, machine.info.primaryIP, false)}, which has no systemd to ask; stop the unit and start it`);
        continue;
      }
      const result = await runOnMachine(context, flags, machine, ['systemctl', 'restart', unit]);
      if (result.code === 0) stdout.write(`Restarted global unit ${unit} on ${machine.id.slice(0, 8)}...\n`);
      else code ||= result.code;
    }
  } catch (error) {
    if (!isFleetError(error)) throw error;
    fail(error.message);
  } finally {
    client.close();
  }
  return code;
};
