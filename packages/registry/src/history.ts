import { randomBytes } from 'node:crypto';
import { describeError, isFleetError, type Clock, type Logger } from '@fleet/runtime';
import { packBatches, type Part } from './batch.ts';
import { decodeHistory, encodeHistory } from './codecs.ts';
import type { Keys } from './keys.ts';
import { fenceCompare, leadershipLost, type LeaderAccess } from './leadership.ts';
import { listAll, listPages } from './listing.ts';
import type { HistoryRecord } from './records.ts';
import type { CallOptions, KeyValue, Operation, Store } from './store.ts';

/** Entries kept of each unit; there are more of one that was busy since the leader last looked. */
export const HISTORY_ENTRIES = 20;
/** How long the history of a unit outlives it … */
const KEPT_AFTER_DESTROY_MS = 24 * 60 * 60 * 1000;
/** … and of how many such units at most, so that units that come and go in masses do not fill the store. */
export const GONE_UNITS = 1_000;

export interface HistoryAccess {
  readonly keys: Keys;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * The write that tells of a change of a unit, for the transaction that makes it (docs/decisions/0037). Keys begin with the time, for
 * people and for {@link trimHistory}, and end with chance, so that no two are the same. Which entry is older is told by their revisions.
 */
export function historyEntry({ keys, clock }: HistoryAccess, unit: string, entry: Omit<HistoryRecord, 'unit' | 'at' | 'revision'>): Operation {
  const at = Math.round(clock.now());
  const moment = `${String(at).padStart(14, '0')}-${randomBytes(4).toString('hex')}`;
  return { kind: 'put', key: keys.history(unit, moment), value: encodeHistory({ ...entry, at }) };
}

/** The last entries of a unit, newest last; also of a unit that was destroyed lately. Entries that cannot be read are left out and reported. */
export async function readHistory(access: { readonly store: Store; readonly keys: Keys; readonly logger: Logger }, unit: string, limit: number, options?: CallOptions): Promise<HistoryRecord[]> {
  const { items } = await access.store.range({ prefix: access.keys.history(unit, '') }, options);
  const newest = items.toSorted(byAge).slice(-limit);
  return newest.flatMap((item) => {
    try {
      return [decodeHistory(item, unit)];
    } catch (error) {
      if (!isFleetError(error, 'RECORD_INVALID')) throw error;
      access.logger.warn('record skipped', { key: item.key, revision: item.modRevision, error: describeError(error) });
      return [];
    }
  });
}

/**
 * Drops all but the newest entries of each unit, and the history of units that have been gone for a day. Reads keys only.
 *
 * @returns how many entries were deleted.
 * @throws FleetError `LEADERSHIP_LOST` (conflict)
 */
export async function trimHistory(access: LeaderAccess & HistoryAccess, fence: number, options?: CallOptions): Promise<number> {
  const { store, keys, clock } = access;
  const units = await listAll(store, { prefix: keys.folder('units'), keysOnly: true }, options);
  const present = new Set(units.items.map(({ key }) => key.slice(keys.folder('units').length)));
  const histories = new Map<string, KeyValue[]>();
  const folder = keys.folder('history');
  for await (const { items } of listPages(store, { prefix: folder, keysOnly: true, revision: units.revision }, options)) {
    for (const item of items) {
      const unit = item.key.slice(folder.length, item.key.lastIndexOf('/'));
      const entries = histories.get(unit);
      if (entries === undefined) histories.set(unit, [item]);
      else entries.push(item);
    }
  }
  const old = oldEntries(histories, present, clock.now() - KEPT_AFTER_DESTROY_MS);
  const common = { compare: [fenceCompare(keys, fence)], operations: [] };
  for (const { transaction } of packBatches(old, (key): Part => ({ compare: [], operations: [{ kind: 'delete', key }] }), common)) {
    const { succeeded } = await store.transaction(transaction, options);
    if (!succeeded) throw leadershipLost(fence);
  }
  return old.length;
}

/** Keys to be deleted. `since` is the moment from which on units that are gone are remembered. */
function oldEntries(histories: ReadonlyMap<string, readonly KeyValue[]>, present: ReadonlySet<string>, since: number): string[] {
  const old: string[] = [];
  const gone: { readonly newest: number; readonly keys: readonly string[] }[] = [];
  for (const [unit, entries] of histories) {
    const keys = entries.toSorted(byAge).map(({ key }) => key);
    old.push(...keys.splice(0, Math.max(0, keys.length - HISTORY_ENTRIES)));
    if (!present.has(unit)) gone.push({ newest: Math.max(...keys.map(momentOf)), keys });
  }
  gone.sort((a, b) => b.newest - a.newest);
  gone.forEach(({ newest, keys }, index) => {
    if (index >= GONE_UNITS || newest <= since) old.push(...keys);
  });
  return old;
}

/** By creation. Entries never change, but one restored by hand keeps its place that way. */
function byAge(a: KeyValue, b: KeyValue): number {
  return a.createRevision - b.createRevision || (a.key < b.key ? -1 : 1);
}

function momentOf(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf('/') + 1), 10);
}
