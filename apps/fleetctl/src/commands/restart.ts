import { unitError, type Goal, type UnitSummary } from '@fleet/api-client/fast';
import type { CommandModule } from '../cli/definition.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';
import { tellFailures, waitAndReport, waitLimits } from './wait.ts';

/** Stops what is launched, waits until it has stopped, launches it again. All units together, and global ones on all their machines. */
export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  using client = await context.client();
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
    await tellFailures(context, flags, failures);
    if (failures.length > 0) code = 1;
    return units.filter((unit) => !failures.some((failure) => failure.name === unit.name));
  };
  const { units, named, missing } = await findArgumentUnits(client, args, signal);
  for (const name of missing) fail(`Unit ${name} not found in registry`);
  for (const unit of units) if (unit.desiredState === 'inactive' && named.has(unit.name)) fail(`Unable to restart unit ${unit.name} in state inactive`);
  context.interruption = 'Interrupted. Units that were stopped and not yet started again stay loaded; start them with: fleetctl start';
  const running = units.filter((unit) => unit.desiredState === 'launched');
  const stopped = await wait(await set(running, 'loaded'), 'stopped');
  await wait(await set([...stopped, ...units.filter((unit) => unit.desiredState === 'loaded')], 'launched'), 'launched');
  return code;
};
