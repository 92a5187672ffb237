import { packBatches, type Part } from './batch.ts';
import { encodePending, encodePlacement, encodeSchedule } from './codecs.ts';
import { historyEntry, type HistoryAccess } from './history.ts';
import { fenceCompare, holdsFence, leadershipLost, type LeaderAccess } from './leadership.ts';
import type { PlacementChange, PlacementOutcome } from './registry-types.ts';
import type { CallOptions } from './store.ts';

/** A decision with the transaction part that carries it out; no part when it cannot hold. */
interface Prepared {
  readonly change: PlacementChange;
  readonly part: Part | null;
}

/** Reasons for pending units are looked up this many at a time. */
const LOOKUPS = 32;

/**
 * Carries the leader's decisions out in order, as many in a transaction as fit. Every transaction compares the fence and
 * the revisions the decisions were made on. When one does not hold, halves find it; the others are carried out.
 *
 * @throws FleetError `LEADERSHIP_LOST` (conflict)
 */
export async function applyPlacements(access: LeaderAccess & HistoryAccess, changes: readonly PlacementChange[], fence: number, options?: CallOptions): Promise<PlacementOutcome> {
  const prepared = await prepareAll(access, changes, options);
  const rejected = prepared.flatMap(({ change, part }) => (part === null ? [change] : []));
  const outcome = await commitAll(access, prepared.filter(({ part }) => part !== null), fence, options);
  return { rejected: [...rejected, ...outcome.rejected], revision: outcome.revision };
}

async function commitAll(access: LeaderAccess, items: readonly Prepared[], fence: number, options: CallOptions | undefined): Promise<PlacementOutcome> {
  const common = { compare: [fenceCompare(access.keys, fence)], operations: [] };
  const rejected: PlacementChange[] = [];
  let last = 0;
  for (const batch of packBatches(items, ({ part }) => part ?? common, common)) {
    const { succeeded, revision } = await access.store.transaction(batch.transaction, options);
    last = Math.max(last, revision);
    if (succeeded) continue;
    if (!(await holdsFence(access, fence, options))) throw leadershipLost(fence);
    if (batch.items.length === 1) {
      rejected.push(...batch.items.map(({ change }) => change));
      continue;
    }
    const middle = Math.ceil(batch.items.length / 2);
    for (const half of [batch.items.slice(0, middle), batch.items.slice(middle)]) {
      const outcome = await commitAll(access, half, fence, options);
      rejected.push(...outcome.rejected);
      last = Math.max(last, outcome.revision);
    }
  }
  return { rejected, revision: last };
}

async function prepareAll(access: LeaderAccess & HistoryAccess, changes: readonly PlacementChange[], options: CallOptions | undefined): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (let start = 0; start < changes.length; start += LOOKUPS) {
    const slice = changes.slice(start, start + LOOKUPS);
    prepared.push(...(await Promise.all(slice.map(async (change) => ({ change, part: await partOf(access, change, options) })))));
  }
  return prepared;
}

async function partOf(access: LeaderAccess & HistoryAccess, change: PlacementChange, options: CallOptions | undefined): Promise<Part | null> {
  const { store, keys } = access;
  const { unit } = change;
  switch (change.kind) {
    case 'place':
      // A unit that does not exist cannot be placed; a revision of 0 would be taken for "absent".
      if (change.expectUnit <= 0) return null;
      return {
        compare: [
          { kind: 'mod-revision', key: keys.unit(unit), equals: change.expectUnit },
          { kind: 'create-revision', key: keys.placement(unit), equals: 0 },
        ],
        operations: [
          { kind: 'put', key: keys.placement(unit), value: encodePlacement(change) },
          { kind: 'put', key: keys.schedule(change.machine, unit), value: encodeSchedule(change) },
          { kind: 'delete', key: keys.pending(unit) },
          historyEntry(access, unit, { ...change, kind: 'placed' }),
        ],
      };
    case 'unplace':
      if (change.expectPlacement <= 0) return null;
      return {
        compare: [{ kind: 'mod-revision', key: keys.placement(unit), equals: change.expectPlacement }],
        operations: [
          { kind: 'delete', key: keys.placement(unit) },
          { kind: 'delete', key: keys.schedule(change.machine, unit) },
          historyEntry(access, unit, { ...change, kind: 'unplaced' }),
        ],
      };
    case 'pending': {
      if (change.pending === null) return { compare: [], operations: [{ kind: 'delete', key: keys.pending(unit) }] };
      // Without this a reason could outlive a unit that is destroyed at the same moment.
      const revision = change.expectUnit ?? (await store.get(keys.unit(unit), options)).item?.modRevision ?? 0;
      if (revision <= 0) return null;
      return {
        compare: [
          { kind: 'mod-revision', key: keys.unit(unit), equals: revision },
          { kind: 'create-revision', key: keys.placement(unit), equals: 0 },
        ],
        operations: [{ kind: 'put', key: keys.pending(unit), value: encodePending(change.pending) }],
      };
    }
  }
}
