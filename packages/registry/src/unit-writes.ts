import { FleetError, isFleetError } from '@fleet/runtime';
import { Batch, packBatches } from './batch.ts';
import type { UnitChange, UnitChangeResult } from './registry-types.ts';
import type { CallOptions } from './store.ts';
import { prepareUnitChange, unitChanged, type PreparedChange, type UnitAccess } from './unit-changes.ts';

/** How often a change is prepared anew because something it only passed by (a placement, a text) had moved. */
const MAX_ATTEMPTS = 10;
/** Changes prepared side by side; about what fits one transaction. */
const GROUP = 32;

export interface WrittenChange {
  readonly revision: number;
  readonly generation: number;
}

/** @throws FleetError as {@link prepareUnitChange}, and the store's. */
export async function writeUnitChange(access: UnitAccess, change: UnitChange, options?: CallOptions): Promise<WrittenChange> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const prepared = await prepareUnitChange(access, change, options, attempt === 0);
    if (prepared.unchangedSince !== null) return { revision: prepared.unchangedSince, generation: prepared.generation };
    const { succeeded, revision } = await access.store.transaction({ compare: prepared.compare, operations: prepared.operations }, options);
    if (succeeded) {
      written(access, prepared, revision);
      return { revision, generation: prepared.generation };
    }
    forget(access, change);
  }
  throw unitChanged(change.name);
}

/** Each change stands for itself; they share transactions where nothing speaks against it. Order is kept for changes of one unit. */
export async function writeUnitChanges(access: UnitAccess, changes: readonly UnitChange[], options: CallOptions): Promise<UnitChangeResult[]> {
  const results = new Array<UnitChangeResult>(changes.length);
  const report = (index: number, result: UnitChangeResult): void => {
    results[index] = result;
  };
  let outage: FleetError | undefined;
  for (const group of groups(changes)) {
    if (outage === undefined) outage = await writeGroup(access, group, options, report, true);
    else for (const { index, change } of group) report(index, { ok: false, name: change.name, error: outage });
  }
  return results;
}

/**
 * All or nothing, in one transaction. A change that cannot be made leaves all others undone, each with `CHANGE_NOT_APPLIED`.
 *
 * @throws FleetError `TOO_MANY_CHANGES` (invalid) when they do not fit one transaction, `DUPLICATE_CHANGE` (invalid) when a
 *   unit is named twice.
 */
export async function writeUnitChangesAtomically(access: UnitAccess, changes: readonly UnitChange[], options: CallOptions): Promise<UnitChangeResult[]> {
  if (new Set(changes.map((change) => change.name)).size < changes.length) {
    throw new FleetError('a unit is named twice in one atomic request', { code: 'DUPLICATE_CHANGE', kind: 'invalid', remedy: 'name each unit once' });
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const outcomes = await Promise.all(changes.map((change) => outcomeOf(prepareUnitChange(access, change, options, attempt === 0))));
    if (outcomes.some((outcome) => !outcome.ok)) {
      return outcomes.map((outcome, index) => ({ ok: false, name: nameAt(changes, index), error: outcome.ok ? notApplied(nameAt(changes, index)) : outcome.error }));
    }
    const prepared = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
    const batch = new Batch();
    if (!prepared.every((one) => batch.add(one))) throw tooManyChanges(`${changes.length} changes do not fit one transaction`);
    const { succeeded, revision } = await access.store.transaction(batch.transaction(), options);
    if (succeeded) {
      for (const one of prepared) written(access, one, revision);
      return prepared.map((one) => ({ ok: true, name: one.change.name, revision: one.unchangedSince ?? revision, generation: one.generation }));
    }
    for (const change of changes) forget(access, change);
  }
  return changes.map((change) => ({ ok: false, name: change.name, error: unitChanged(change.name) }));
}

/** @returns a FleetError `TOO_MANY_CHANGES` (invalid) */
export function tooManyChanges(what: string): FleetError {
  return new FleetError(what, { code: 'TOO_MANY_CHANGES', kind: 'invalid', remedy: 'send fewer at a time' });
}

interface Indexed {
  readonly index: number;
  readonly change: UnitChange;
}

/** Cuts the list into groups in which no unit comes twice. */
function groups(changes: readonly UnitChange[]): Indexed[][] {
  const cut: Indexed[][] = [];
  let group: Indexed[] = [];
  let names = new Set<string>();
  for (const [index, change] of changes.entries()) {
    if (group.length >= GROUP || names.has(change.name)) {
      cut.push(group);
      group = [];
      names = new Set();
    }
    group.push({ index, change });
    names.add(change.name);
  }
  if (group.length > 0) cut.push(group);
  return cut;
}

type Report = (index: number, result: UnitChangeResult) => void;

/** Returns the failure when the store cannot be reached: further groups then need not be tried. */
async function writeGroup(access: UnitAccess, group: readonly Indexed[], options: CallOptions, report: Report, optimistic: boolean): Promise<FleetError | undefined> {
  const ready: { readonly index: number; readonly prepared: PreparedChange }[] = [];
  const fail = (index: number, change: UnitChange, error: FleetError): void => report(index, { ok: false, name: change.name, error });
  const outcomes = await Promise.all(group.map(async ({ index, change }) => ({ index, change, outcome: await outcomeOf(prepareUnitChange(access, change, options, optimistic)) })));
  for (const { index, change, outcome } of outcomes) {
    if (!outcome.ok) fail(index, change, outcome.error);
    else if (outcome.value.unchangedSince === null) ready.push({ index, prepared: outcome.value });
    else report(index, { ok: true, name: change.name, revision: outcome.value.unchangedSince, generation: outcome.value.generation });
  }
  for (const { items, transaction } of packBatches(ready, ({ prepared }) => prepared)) {
    const result = await outcomeOf(access.store.transaction(transaction, options));
    if (!result.ok) {
      for (const { index, prepared } of items) fail(index, prepared.change, result.error);
      if (result.error.kind === 'unavailable') return result.error;
      continue;
    }
    if (result.value.succeeded) {
      for (const { index, prepared } of items) {
        written(access, prepared, result.value.revision);
        report(index, { ok: true, name: prepared.change.name, revision: result.value.revision, generation: prepared.generation });
      }
      continue;
    }
    for (const { prepared } of items) forget(access, prepared.change);
    const outage = await retrySplit(access, items.map(({ index, prepared }) => ({ index, change: prepared.change })), options, report);
    if (outage !== undefined) return outage;
  }
  return outcomes.flatMap(({ outcome }) => (!outcome.ok && outcome.error.kind === 'unavailable' ? [outcome.error] : []))[0];
}

/** Something in a shared transaction had moved: halves find out what, and the rest still shares. */
async function retrySplit(access: UnitAccess, items: readonly Indexed[], options: CallOptions, report: Report): Promise<FleetError | undefined> {
  const [only] = items;
  if (items.length > 1 || only === undefined) {
    const middle = Math.ceil(items.length / 2);
    return (await writeGroup(access, items.slice(0, middle), options, report, false)) ?? (await writeGroup(access, items.slice(middle), options, report, false));
  }
  const { index, change } = only;
  const outcome = await outcomeOf(writeUnitChange(access, change, options));
  report(index, outcome.ok ? { ok: true, name: change.name, ...outcome.value } : { ok: false, name: change.name, error: outcome.error });
  return !outcome.ok && outcome.error.kind === 'unavailable' ? outcome.error : undefined;
}

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: FleetError };

/** Failures with a name become values; anything else (an abort, a bug) goes on. */
async function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    if (isFleetError(error)) return { ok: false, error };
    throw error;
  }
}

function written(access: UnitAccess, { change, operations }: PreparedChange, revision: number): void {
  if (change.kind !== 'create' && change.kind !== 'replace') return;
  const key = access.keys.text(change.hash);
  if (operations.some((operation) => operation.kind === 'put' && operation.key === key)) access.texts.wrote(change.hash, change.text, revision);
}

function forget(access: UnitAccess, change: UnitChange): void {
  if (change.kind === 'create' || change.kind === 'replace') access.texts.forget(change.hash);
}

function nameAt(changes: readonly UnitChange[], index: number): UnitChange['name'] {
  const change = changes[index];
  if (change === undefined) throw new RangeError(`no change ${index}`);
  return change.name;
}

function notApplied(name: string): FleetError {
  return new FleetError(`unit ${name} was left as it is, because another change of the same atomic request cannot be made`, { code: 'CHANGE_NOT_APPLIED', kind: 'conflict', remedy: 'mend or leave out the change that failed' });
}
