import { unitError, type Goal, type UnitSummary } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';
import { failureReason, waitAndReport, waitLimits } from './wait.ts';

interface Direction {
  readonly command: 'stop' | 'unload';
  readonly past: string;
  readonly state: 'loaded' | 'inactive';
  readonly goal: Goal;
}

export const STOP: Direction = { command: 'stop', past: 'stopped', state: 'loaded', goal: 'stopped' };
export const UNLOAD: Direction = { command: 'unload', past: 'unloaded', state: 'inactive', goal: 'inactive' };

/**
 * stop and unload. Judged by what is wanted of a unit, not by what it has come to: a unit that waits in vain for a machine can be stopped, too.
 * Every unit gets its turn; each failure is told and makes the exit code 1.
 */
export async function takeDown(context: Context, flags: Flags, args: readonly string[], direction: Direction): Promise<number> {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  using client = await context.client();
  const { units, named, missing } = await findArgumentUnits(client, args, signal);
  if (units.length === 0) {
    stderr.write('Units not found in registry\n');
    return 1;
  }
  let failed = missing.length > 0;
  for (const name of missing) stderr.write(`Unit ${name} not found in registry\n`);

  const changing: UnitSummary[] = [];
  for (const unit of units) {
    if (direction.command === 'stop' && unit.desiredState === 'inactive') {
      // A pattern takes what can be stopped; a unit that was named must be.
      if (!named.has(unit.name)) continue;
      stderr.write(`Unable to stop unit ${unit.name} in state inactive\n`);
      failed = true;
    } else if (unit.desiredState !== direction.state) changing.push(unit);
  }
  const answer = changing.length === 0 ? undefined : await client.setUnitStates({ changes: changing.map(({ name }) => ({ name, desiredState: direction.state })) }, { signal });
  const refused = new Set<string>();
  for (const result of answer?.results ?? []) {
    if (result.error === undefined) continue;
    stderr.write(`Error setting target state for unit ${result.name}: ${unitError(result.error).message}\n`);
    refused.add(result.name);
    failed = true;
  }
  const goals = new Map<string, Goal>();
  const asked = changing.filter((unit) => !refused.has(unit.name));
  for (const unit of asked) {
    if (unit.global) stdout.write(`Triggered global unit ${unit.name} ${direction.command}\n`);
    else if (flags.on('no-block')) stdout.write(`Triggered unit ${unit.name} ${direction.command}\n`);
    else goals.set(unit.name, direction.goal);
  }
  const failures = await waitAndReport(context, client, { goals, limits: waitLimits(flags) });
  for (const failure of failures) stderr.write(`Error waiting for units: ${failureReason(failure)}\n`);
  const [first] = failures;
  if (first !== undefined) stderr.write(`Failed to ${direction.command} units [${failures.map((failure) => failure.name).join(' ')}]. err: ${failureReason(first)}\n`);
  const gone = asked.filter((unit) => !unit.global && !failures.some((failure) => failure.name === unit.name));
  if (gone.length > 0 && !flags.on('no-block')) stdout.write(`Successfully ${direction.past} units [${gone.map((unit) => unit.name).join(' ')}].\n`);
  return failed || first !== undefined ? 1 : 0;
}
