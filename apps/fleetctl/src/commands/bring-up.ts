import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { noUnitsGiven } from './arguments.ts';
import { submitArguments } from './submission.ts';
import { tellFailures, unitMessage, waitAndReport, waitLimits } from './wait.ts';

/** load and start: have the units exist, ask for the state, wait for it. */
export async function bringUp(context: Context, flags: Flags, args: readonly string[], command: 'load' | 'start'): Promise<number> {
  const { stdout } = context;
  if (args.length === 0) return noUnitsGiven(context);
  using client = await context.client();
  const submission = await submitArguments(context, flags, client, args, command);
  if (submission === undefined) return 1;
  const goal = command === 'load' ? 'loaded' : 'launched';
  const goals = new Map<string, typeof goal>();
  for (const step of submission.steps) {
    if (!submission.wanted.includes(step.name)) continue;
    const global = step.kind === 'create' || step.kind === 'replace' ? step.global : step.before.global;
    const changed = submission.changed.has(step.name);
    if (global) {
      if (changed) stdout.write(`Triggered global unit ${step.name} ${command}\n`);
    } else if (flags.on('no-block')) {
      if (changed) stdout.write(`Triggered unit ${step.name} ${command}\n`);
    } else goals.set(step.name, goal);
  }
  // A unit that was asked for before is waited for as well, so that its failure shows, but being well it is not talked about.
  const failures = await waitAndReport(context, client, {
    goals,
    limits: waitLimits(flags),
    onReached: (reached, progress) => {
      if (submission.changed.has(reached.name)) progress.print(stdout, `${unitMessage(reached)}\n`);
    },
  });
  await tellFailures(context, flags, failures);
  return failures.length > 0 || submission.failures.length > 0 ? 1 : 0;
}
