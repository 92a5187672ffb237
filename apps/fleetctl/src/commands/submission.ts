import { findUnit, submitUnits, type Difference, type FleetClient, type SubmitCommand, type SubmitStep, type Submission } from '@fleet/api-client/fast';
import { isFleetError } from '@fleet/runtime';
import { formatUnitFile, isTemplateName } from '@fleet/unit-parser';
import type { Context } from '../cli/context.ts';
import type { Flags } from '../cli/definition.ts';
import { failureText } from '../cli/describe-failure.ts';
import { createLog } from '../cli/log.ts';
import { formatDiff } from '../view/diff.ts';
import { styleOf } from '../view/style.ts';
import { expandPatterns } from './unit-names.ts';

/** The part that submit, load and start share: make the units exist, say what differs, ask for the state. `undefined` when that failed. */
export async function submitArguments(context: Context, flags: Flags, client: FleetClient, args: readonly string[], command: SubmitCommand): Promise<Submission | undefined> {
  const { stdout, stderr, signal } = context;
  const log = createLog(context, flags);
  let submission: Submission;
  try {
    // Templates can be submitted, but run nowhere.
    const names = await expandPatterns(client, args, (name) => command === 'submit' || !isTemplateName(name), signal);
    submission = await submitUnits(client, names, { command, replace: flags.on('replace'), cwd: context.cwd, signal }, async (step) => {
      if ((step.kind === 'create' || step.kind === 'keep') && step.difference !== undefined) {
        await warnOfDifference(context, client, step.difference);
      }
      if (step.kind === 'same') stdout.write(`Found same Unit(${step.name}) in Registry, nothing to do\n`);
      if (step.kind === 'refuse') stderr.write(`Warning: can not replace Unit(${step.name}) in state '${step.before.desiredState}', use the appropriate command\n`);
      if ((step.kind === 'create' || step.kind === 'replace') && step.warning !== undefined) log('WARN', step.warning);
    });
  } catch (error) {
    if (!isFleetError(error)) throw error;
    stderr.write(failureText(error, `Error ${error.code === 'TEMPLATE_NOT_ACTIVATABLE' ? VERBS[command] : 'creating'} units: ${error.code === 'TEMPLATE_NOT_ACTIVATABLE' ? 'googleapi: Error 400: ' : ''}${error.message}`));
    return undefined;
  }
  const failed = new Set(submission.failures.map((failure) => failure.name));
  for (const step of submission.steps) if (isWritten(step) && !failed.has(step.name)) stdout.write(`Unit ${step.name} inactive\n`);
  for (const { name, creating, error } of submission.failures) {
    stderr.write(creating ? `Error creating units: failed creating unit ${name}: ${error.message}\n` : `Error ${VERBS[command]} units: ${error.message}\n`);
  }
  return submission;
}

const VERBS: Readonly<Record<SubmitCommand, string>> = { submit: 'creating', load: 'loading', start: 'starting' };

function isWritten(step: SubmitStep): step is Extract<SubmitStep, { kind: 'create' | 'replace' }> {
  return step.kind === 'create' || step.kind === 'replace';
}

/** The original's warning, and what it left out: the difference itself. */
async function warnOfDifference(context: Context, client: FleetClient, difference: Difference): Promise<void> {
  const { stderr, env, signal } = context;
  const source = difference.name;
  const kind = difference.template ? 'local template unit file' : 'local unit file';
  stderr.write(`WARNING: Unit ${source} in registry differs from ${kind} ${difference.file}. Add --replace to override.\n`);
  const before = await findUnit(client, source, signal);
  if (before !== undefined) stderr.write(formatDiff(formatUnitFile(before.options), formatUnitFile(difference.options), [`${source} (registry)`, difference.file], styleOf(stderr, env)));
}
