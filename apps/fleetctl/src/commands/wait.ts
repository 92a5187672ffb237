import { waitForUnits, type FleetClient, type Goal, type UnitReached, type WaitFailure } from '@fleet/api-client/fast';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { failureDetails } from '../remote/failure-details.ts';
import { machineLegend } from '../view/columns.ts';
import { createProgress, type Progress } from '../view/progress.ts';

/** The original counts its waiting in windows of two seconds. */
const ATTEMPT_MS = 2_000;

/** How long the flags allow to wait, and for what. */
export function waitLimits(flags: Flags): { readonly limitMs: number | undefined; readonly patient: boolean } {
  const attempts = flags.number('block-attempts');
  return { limitMs: attempts > 0 ? attempts * ATTEMPT_MS : undefined, patient: attempts > 0 || (flags.isGiven('wait') && flags.on('wait')) };
}

export interface WaitRequest {
  readonly goals: ReadonlyMap<string, Goal>;
  readonly limits: { readonly limitMs: number | undefined; readonly patient: boolean };
  readonly onReached?: (reached: UnitReached, progress: Progress) => void;
}

/** Waits for units, shows how it goes, and prints `Unit … launched on …` as they get there. Returns those that did not. */
export async function waitAndReport(context: Context, client: FleetClient, request: WaitRequest): Promise<readonly WaitFailure[]> {
  const { goals, limits } = request;
  if (goals.size === 0) return [];
  context.interruption ??= interruptionText(goals);
  using progress = createProgress(context, [...goals.keys()]);
  const { failures } = await waitForUnits(client, {
    goals,
    limitMs: limits.limitMs,
    patient: limits.patient,
    signal: context.signal,
    onProgress: (name, assessment) => progress.update(name, assessment),
    onReached: (reached) => {
      progress.done(reached.name);
      if (request.onReached === undefined) progress.print(context.stdout, `${unitMessage(reached)}\n`);
      else request.onReached(reached, progress);
    },
  });
  return failures;
}

/** `Unit hello.service launched on 3fa1c0de.../192.0.2.11` */
export function unitMessage({ name, state, machine }: UnitReached): string {
  const where = machine === undefined || machine.info === undefined ? '' : ` on ${machineLegend(machine.id, machine.info.primaryIP, false)}`;
  return `Unit ${name} ${state}${state === 'inactive' ? '' : where}`;
}

const GOAL_WORDS: Readonly<Record<Goal, string>> = { inactive: 'inactive', loaded: 'loaded', launched: 'launched', stopped: 'loaded', destroyed: 'destroyed' };

/** Why waiting for a unit ended without success, one line. */
export function failureReason(failure: WaitFailure): string {
  const where = failure.machine === undefined ? '' : ` on ${machineLegend(failure.machine.id, failure.machine.info?.primaryIP, false)}`;
  switch (failure.kind) {
    case 'unplaceable':
      return `unit ${failure.name} has no machine: ${failure.reason}`;
    case 'failed':
      return `unit ${failure.name} failed${where}: ${failure.reason.replace(/^failed with /, '')}`;
    case 'timeout':
    case 'no-answer':
      return `timed out waiting for unit ${failure.name} to report state ${GOAL_WORDS[failure.goal]} (${failure.reason}${where})`;
  }
}

/** Says why units did not come up: one line each, and of those that failed on a machine what their logs say there. */
export async function tellFailures(context: Context, flags: Flags, failures: readonly WaitFailure[]): Promise<void> {
  for (const failure of failures) {
    context.stderr.write(`Error waiting for units: ${failureReason(failure)}\n`);
    if (failure.kind !== 'failed' || failure.machine === undefined) continue;
    context.stderr.write(await failureDetails(context, flags, { unit: failure.name, reason: failure.reason }, failure.machine));
  }
}

function interruptionText(goals: ReadonlyMap<string, Goal>): string {
  const names = [...goals].slice(0, 5).map(([name, goal]) => `${name} ${GOAL_WORDS[goal]}`);
  const more = goals.size > names.length ? ` and ${goals.size - names.length} more` : '';
  return `Interrupted. The cluster goes on towards what was asked: ${names.join(', ')}${more}. See how it goes with: fleetctl list-unit-files`;
}
