import type { FleetApi, SubmitUnit, UnitDetail, UnitResult, UnitSummary } from '@fleet/api/wire';
import { FleetError, isFleetError } from '@fleet/runtime';
import { isApiError, unitError } from '../errors.ts';
import { coveringPattern } from '../names-filter.ts';
import { planSubmission, targetOf, type SubmitCommand, type SubmitStep } from './plan-submission.ts';
import { readUnitArguments, type UnitArgument } from './unit-arguments.ts';

export interface SubmitOptions {
  readonly command: SubmitCommand;
  readonly replace: boolean;
  /** Folder that the arguments are relative to. */
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Submission {
  readonly steps: readonly SubmitStep[];
  /** Units that exist with their text now wanted in the state of the command; those that were refused are left alone. */
  readonly wanted: readonly string[];
  /** Units of `wanted` that the change was written for, new ones included. */
  readonly changed: ReadonlySet<string>;
  readonly failures: readonly { readonly name: string; readonly creating: boolean; readonly error: FleetError }[];
}

/** More units than this are looked up by one listing. */
const SINGLE_LOOKUPS = 3;

/**
 * Makes the units of the arguments exist and want the command's state: one read, one decision about all of them, one write.
 *
 * @throws FleetError as `planSubmission`, or when the cluster cannot be read or written at all.
 */
export async function submitUnits(api: FleetApi, args: readonly string[], options: SubmitOptions, onStep: (step: SubmitStep) => void | Promise<void>): Promise<Submission> {
  const { command, signal } = options;
  const target = targetOf(command);
  const sources = readUnitArguments(args, options.cwd);
  const existing = await findUnits(api, sources.map((source) => source.name), signal).catch(
    inContext((why) => `error retrieving Unit(${sources[0]?.name ?? ''}) from Registry: ${why}`),
  );
  const templates = await findTemplates(api, sources.filter((source) => !existing.has(source.name) && source.local.kind === 'missing'), signal);
  const steps = planSubmission({ arguments: sources, existing, templates, command, replace: options.replace });
  for (const step of steps) await onStep(step);

  const texts: SubmitUnit[] = [];
  const states: { name: string; desiredState: typeof target }[] = [];
  const unchanged = new Set<string>();
  for (const step of steps) {
    if (step.kind === 'create') texts.push({ name: step.name, options: plain(step.options), desiredState: target });
    else if (step.kind === 'replace') texts.push({ name: step.name, options: plain(step.options), desiredState: target });
    // Also when it reads as wanted already: a read may be older than a write that is still under way, and only the server
    // compares with the store. A change of nothing writes nothing there.
    else if (step.kind !== 'refuse' && command !== 'submit') {
      states.push({ name: step.name, desiredState: target });
      if (step.before.desiredState === target) unchanged.add(step.name);
    }
  }
  const results: UnitResult[] = [];
  if (texts.length > 0) results.push(...(await api.submitUnits({ units: texts, replace: steps.some((step) => step.kind === 'replace') }, { signal })).results);
  if (states.length > 0) results.push(...(await api.setUnitStates({ changes: states }, { signal })).results);

  const creating = new Set(texts.map((unit) => unit.name));
  const failures = results.flatMap((result) => (result.error === undefined ? [] : [{ name: result.name, creating: creating.has(result.name), error: unitError(result.error) }]));
  const failed = new Set(failures.map((failure) => failure.name));
  return {
    steps,
    wanted: steps.filter((step) => step.kind !== 'refuse' && !failed.has(step.name)).map((step) => step.name),
    changed: new Set(results.filter((result) => !failed.has(result.name) && !unchanged.has(result.name)).map((result) => result.name)),
    failures,
  };
}

/** Places in a file are of no interest to the server. */
function plain(options: SubmitUnit['options'] & object): NonNullable<SubmitUnit['options']> {
  return options.map(({ section, name, value }) => ({ section, name, value }));
}

/** The named units that exist. One listing for many, single reads for a few. */
export async function findUnits(api: FleetApi, names: readonly string[], signal: AbortSignal | undefined): Promise<Map<string, UnitSummary>> {
  const found = new Map<string, UnitSummary>();
  const wanted = new Set(names);
  if (wanted.size <= SINGLE_LOOKUPS) {
    const units = await Promise.all([...wanted].map((name) => findUnit(api, name, signal)));
    for (const unit of units) if (unit !== undefined) found.set(unit.name, unit);
    return found;
  }
  const pattern = coveringPattern([...wanted]);
  const { units } = await api.listUnits(pattern === undefined ? {} : { name: pattern }, { signal });
  for (const unit of units) if (wanted.has(unit.name)) found.set(unit.name, unit);
  return found;
}

/** One unit with its text, or `undefined`. */
export async function findUnit(api: FleetApi, name: string, signal: AbortSignal | undefined): Promise<UnitDetail | undefined> {
  try {
    return await api.getUnit(name, { signal });
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

async function findTemplates(api: FleetApi, sources: readonly UnitArgument[], signal: AbortSignal | undefined): Promise<Map<string, UnitDetail>> {
  const names = new Set(sources.flatMap((source) => (source.template === undefined ? [] : [source.template])));
  const found = new Map<string, UnitDetail>();
  for (const name of names) {
    const template = await findUnit(api, name, signal).catch(
      inContext((why) => `failed getting Unit(${sources.find((source) => source.template === name)?.file ?? ''}) from template: error retrieving template Unit(${name}) from Registry: ${why}`),
    );
    if (template !== undefined) found.set(name, template);
  }
  return found;
}

/** Says what was being done when a request failed; everything else passes. */
function inContext(describe: (why: string) => string): (error: unknown) => never {
  return (error) => {
    if (!isFleetError(error)) throw error;
    throw new FleetError(describe(error.message), { code: error.code, kind: error.kind, cause: error, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) });
  };
}
