import { unitError, type Goal } from '@fleet/api-client/fast';
import type { CommandModule } from '../cli/definition.ts';
import { noUnitsGiven } from './arguments.ts';
import { findArgumentUnits } from './unit-names.ts';
import { failureReason, waitAndReport, waitLimits } from './wait.ts';

export const run: CommandModule['run'] = async (context, flags, args) => {
  const { stdout, stderr, signal } = context;
  if (args.length === 0) return noUnitsGiven(context);
  using client = await context.client();
  const { units, missing } = await findArgumentUnits(client, args, signal);
  if (units.length === 0) {
    stderr.write('Units not found in registry\n');
    return 1;
  }
  let failed = missing.length > 0;
  for (const name of missing) stderr.write(`Unit ${name} not found in registry\n`);
  const { results } = await client.destroyUnits({ names: units.map((unit) => unit.name) }, { signal });
  const goals = new Map<string, Goal>();
  for (const result of results) {
    // Somebody else was quicker: gone is gone.
    if (result.error !== undefined && result.error.kind !== 'not-found') {
      stderr.write(`Error destroying units: ${unitError(result.error).message}\n`);
      failed = true;
    } else if (flags.on('no-block')) stdout.write(`Destroyed ${result.name}\n`);
    else goals.set(result.name, 'destroyed');
  }
  const failures = await waitAndReport(context, client, {
    goals,
    limits: waitLimits(flags),
    onReached: (reached, progress) => progress.print(stdout, `Destroyed ${reached.name}\n`),
  });
  for (const failure of failures) stderr.write(`Error destroying units: ${failureReason(failure)}\n`);
  return failed || failures.length > 0 ? 1 : 0;
};
