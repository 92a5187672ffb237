import { FleetError, isFleetError } from '@fleet/runtime';
import { decodePlacement, decodeStoredUnit, encodeSchedule, encodeUnit } from './codecs.ts';
import { historyEntry, type HistoryAccess } from './history.ts';
import type { Keys } from './keys.ts';
import type { PlacementRecord, StoredUnitRecord, UnitRecord } from './records.ts';
import type { KnownUnit, UnitChange } from './registry-types.ts';
import type { CallOptions, Compare, KeyValue, Operation, Store } from './store.ts';
import type { Texts } from './texts.ts';

/** What is stored of a unit, undecoded, both at one revision. */
interface StoredUnit {
  readonly unit: KeyValue | null;
  readonly placement: KeyValue | null;
}

/** A change turned into a transaction, on the state it was read on. */
export interface PreparedChange {
  readonly change: UnitChange;
  readonly compare: readonly Compare[];
  readonly operations: readonly Operation[];
  readonly generation: number;
  /** Set when nothing has to be written: the revision at which the unit became what is wanted. */
  readonly unchangedSince: number | null;
}

export interface UnitAccess extends HistoryAccess {
  readonly store: Store;
  readonly keys: Keys;
  readonly texts: Texts;
}

/** Reads a unit and its placement as of one revision. */
export async function readStoredUnit({ store, keys }: UnitAccess, name: string, options?: CallOptions): Promise<StoredUnit> {
  for (;;) {
    const { item: unit, revision } = await store.get(keys.unit(name), options);
    const key = keys.placement(name);
    try {
      const { items } = await store.range({ prefix: key, limit: 1, revision }, options);
      return { unit, placement: items[0]?.key === key ? items[0] : null };
    } catch (error) {
      // The history was compacted between the two reads: the pair has to be read anew.
      if (!isFleetError(error, 'STORE_COMPACTED')) throw error;
    }
  }
}

/** Reads the same for a write, whose conditions make sure that both still hold together when it is carried out. */
async function readForWrite({ store, keys }: UnitAccess, name: string, options: CallOptions | undefined): Promise<StoredUnit> {
  const [unit, placement] = await Promise.all([store.get(keys.unit(name), options), store.get(keys.placement(name), options)]);
  return { unit: unit.item, placement: placement.item };
}

/**
 * Turns a change into conditions and operations. Pure but for its reads. `optimistic` makes a `create` without any reads,
 * on the guess that neither the unit nor its text is there, and a `target` or `replace` on the guess that what its caller knows
 * still holds; a failed condition then only means that the guess was wrong.
 *
 * @throws FleetError `UNIT_EXISTS`, `UNIT_CHANGED` (conflict), `UNIT_NOT_FOUND` (not-found), `RECORD_INVALID` (internal).
 */
export async function prepareUnitChange(access: UnitAccess, change: UnitChange, options: CallOptions | undefined, optimistic: boolean): Promise<PreparedChange> {
  const { name } = change;
  if (optimistic && change.kind === 'target' && change.known !== undefined && change.known.unit.targetState !== change.targetState) return guessChange(access, change, change.known);
  if (optimistic && change.kind === 'replace' && change.known?.unit.revision === change.expect) return withText(access, change, guessChange(access, change, change.known), options, optimistic);
  const stored = optimistic && change.kind === 'create' ? { unit: null, placement: null } : await readForWrite(access, name, options);
  const compare: Compare[] = [{ kind: 'mod-revision', key: access.keys.unit(name), equals: stored.unit?.modRevision ?? 0 }];
  // Without a unit there is no placement to miss: placing compares the unit's revision. Conditions are few in a transaction.
  if (stored.unit !== null || stored.placement !== null) compare.push({ kind: 'mod-revision', key: access.keys.placement(name), equals: stored.placement?.modRevision ?? 0 });
  if (change.kind === 'create') {
    if (stored.unit !== null) throw unitExists(name);
  } else if (stored.unit === null) {
    throw unitNotFound(name);
  }
  if (change.kind === 'destroy') return { change, compare, operations: removal(access, name, stored), generation: 0, unchangedSince: null };

  const before = stored.unit === null ? null : decodeStoredUnit(stored.unit, name);
  if (change.kind === 'replace' && before?.revision !== change.expect) throw unitChanged(name);
  if (change.kind === 'target' && before?.targetState === change.targetState) {
    return { change, compare, operations: [], generation: before.generation, unchangedSince: before.revision };
  }
  const after = { ...wantedUnit(change, before), generation: (before?.generation ?? 0) + 1 };
  const operations = writes(access, name, before, after, stored.placement === null ? null : decodePlacement(stored.placement, name));
  const prepared = { change, compare, operations, generation: after.generation, unchangedSince: null };
  return change.kind === 'target' ? prepared : withText(access, change, prepared, options, optimistic);
}

async function withText(access: UnitAccess, change: Extract<UnitChange, { kind: 'create' | 'replace' }>, prepared: PreparedChange, options: CallOptions | undefined, optimistic: boolean): Promise<PreparedChange> {
  const text = await access.texts.prepareWrite(change.hash, change.text, options, optimistic);
  return { ...prepared, compare: [...prepared.compare, ...text.compare], operations: [...prepared.operations, ...text.operations] };
}

/** A change of a unit that is believed to be known. Nothing is guessed to be done already: that has to be read. */
function guessChange(access: UnitAccess, change: Extract<UnitChange, { kind: 'target' | 'replace' }>, { unit, placement }: KnownUnit): PreparedChange {
  const { name } = change;
  const compare: Compare[] = [
    { kind: 'mod-revision', key: access.keys.unit(name), equals: unit.revision },
    { kind: 'mod-revision', key: access.keys.placement(name), equals: placement?.revision ?? 0 },
  ];
  const after = { ...wantedUnit(change, unit), generation: unit.generation + 1 };
  return { change, compare, operations: writes(access, name, unit, after, placement), generation: after.generation, unchangedSince: null };
}

function wantedUnit(change: Exclude<UnitChange, { kind: 'destroy' }>, before: StoredUnitRecord | null): Pick<UnitRecord, 'hash' | 'targetState' | 'global'> {
  if (change.kind !== 'target') return { hash: change.hash, targetState: change.targetState, global: change.global };
  if (before === null) throw unitNotFound(change.name);
  return { hash: before.hash, targetState: change.targetState, global: before.global };
}

/** The unit's own keys, those of its placement as far as the change touches them, and the word of it. */
function writes(access: UnitAccess, name: string, before: StoredUnitRecord | null, after: Omit<UnitRecord, 'name' | 'revision'>, placement: PlacementRecord | null): Operation[] {
  const { keys } = access;
  const value = encodeUnit(after);
  const operations: Operation[] = [{ kind: 'put', key: keys.unit(name), value }];
  if (after.global) operations.push({ kind: 'put', key: keys.global(name), value });
  else if (before?.global === true) operations.push({ kind: 'delete', key: keys.global(name) });

  const { targetState } = after;
  const displaced = placement !== null && (after.global || targetState === 'inactive');
  if (displaced) {
    operations.push(...displacement(access, name, placement.machine, after.global ? 'the unit became global' : `desired state ${targetState}`));
  } else if (after.global || targetState === 'inactive') {
    // A unit with a placement is not pending, and one that is pending has none.
    if (before !== null) operations.push({ kind: 'delete', key: keys.pending(name) });
  } else if (placement !== null) {
    operations.push({ kind: 'put', key: keys.schedule(placement.machine, name), value: encodeSchedule({ ...after, targetState }) });
  }

  if (before === null) operations.push(historyEntry(access, name, { kind: 'created', reason: `desired state ${targetState}` }));
  else if (before.hash !== after.hash) operations.push(historyEntry(access, name, { kind: 'replaced', reason: `unit file ${after.hash.slice(0, 7)}, desired state ${targetState}` }));
  else if (!displaced) operations.push(historyEntry(access, name, { kind: 'desired-state', reason: `${before.targetState ?? 'unknown'} to ${targetState}` }));
  return operations;
}

/** Works without decoding the unit, so that a damaged record can be destroyed. */
function removal(access: UnitAccess, name: string, stored: StoredUnit): Operation[] {
  const { keys } = access;
  const operations: Operation[] = [keys.unit(name), keys.global(name)].map((key) => ({ kind: 'delete', key }));
  const machine = stored.placement === null ? undefined : machineOf(stored.placement, name);
  if (machine !== undefined) operations.push(...displacement(access, name, machine, 'the unit was destroyed'));
  else operations.push({ kind: 'delete', key: keys.placement(name) }, { kind: 'delete', key: keys.pending(name) }, historyEntry(access, name, { kind: 'destroyed' }));
  return operations;
}

/** What ends a placement, and tells of its end. */
function displacement(access: UnitAccess, name: string, machine: PlacementRecord['machine'], reason: string): Operation[] {
  const { keys } = access;
  return [{ kind: 'delete', key: keys.placement(name) }, { kind: 'delete', key: keys.schedule(machine, name) }, historyEntry(access, name, { kind: 'unplaced', machine, reason })];
}

function machineOf(placement: KeyValue, name: string): PlacementRecord['machine'] | undefined {
  try {
    return decodePlacement(placement, name).machine;
  } catch {
    return undefined;
  }
}

function unitExists(name: string): FleetError {
  return new FleetError(`unit ${name} exists already`, { code: 'UNIT_EXISTS', kind: 'conflict', remedy: 'replace it, or destroy it first' });
}

function unitNotFound(name: string): FleetError {
  return new FleetError(`unit ${name} does not exist`, { code: 'UNIT_NOT_FOUND', kind: 'not-found' });
}

export function unitChanged(name: string): FleetError {
  return new FleetError(`unit ${name} was changed by someone else meanwhile`, { code: 'UNIT_CHANGED', kind: 'conflict', remedy: 'look at it again and repeat the request' });
}
