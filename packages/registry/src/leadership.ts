import { FleetError } from '@fleet/runtime';
import type { MachineId } from '@fleet/model';
import { decodeEngineVersion, decodeLeader, encodeLeader } from './codecs.ts';
import type { Keys } from './keys.ts';
import type { CallOptions, Compare, LeaseId, Store } from './store.ts';

export interface LeaderAccess {
  readonly store: Store;
  readonly keys: Keys;
}

/** The condition that makes a write the leader's: it fails as soon as another leads, or nobody. */
export function fenceCompare(keys: Keys, fence: number): Compare {
  return { kind: 'create-revision', key: keys.leader, equals: fence };
}

/** Whether the failed write failed because leadership is lost; if not, something else had moved. */
export async function holdsFence({ store, keys }: LeaderAccess, fence: number, options?: CallOptions): Promise<boolean> {
  const { item } = await store.get(keys.leader, options);
  return item !== null && item.createRevision === fence;
}

export function leadershipLost(fence: number): FleetError {
  return new FleetError(`leadership ${fence} has ended`, { code: 'LEADERSHIP_LOST', kind: 'conflict', remedy: 'campaign again' });
}

/**
 * One lease and one transaction, no election recipe: of all who see the key free, the store lets one create it.
 * A campaign whose answer was lost is found again by its session and lease.
 */
export async function campaign({ store, keys }: LeaderAccess, machine: MachineId, sessionId: string, lease: LeaseId, options?: CallOptions): Promise<{ readonly fence: number } | null> {
  const { item } = await store.get(keys.leader, options);
  if (item !== null) {
    if (item.lease !== lease) return null;
    const leader = decodeLeader(item);
    return leader.machine !== null && leader.sessionId === sessionId ? { fence: leader.fence } : null;
  }
  const { succeeded, revision } = await store.transaction(
    { compare: [{ kind: 'create-revision', key: keys.leader, equals: 0 }], operations: [{ kind: 'put', key: keys.leader, value: encodeLeader({ machine, sessionId }), lease }] },
    options,
  );
  return succeeded ? { fence: revision } : null;
}

/** Gives leadership back; no error when it has ended already. */
export async function resign({ store, keys }: LeaderAccess, fence: number, options?: CallOptions): Promise<void> {
  await store.transaction({ compare: [fenceCompare(keys, fence)], operations: [{ kind: 'delete', key: keys.leader }] }, options);
}

/** 0 when no engine has ever led. @throws FleetError `RECORD_INVALID` */
export async function readEngineVersion({ store, keys }: LeaderAccess, options?: CallOptions): Promise<number> {
  const { item } = await store.get(keys.engineVersion, options);
  return item === null ? 0 : decodeEngineVersion(item);
}

/** Never lowers it. @throws FleetError `LEADERSHIP_LOST` (conflict) */
export async function raiseEngineVersion(access: LeaderAccess, version: number, fence: number, options?: CallOptions): Promise<void> {
  const { store, keys } = access;
  for (;;) {
    const { item } = await store.get(keys.engineVersion, options);
    if (item !== null && decodeEngineVersion(item) >= version) return;
    const { succeeded } = await store.transaction(
      {
        compare: [fenceCompare(keys, fence), { kind: 'mod-revision', key: keys.engineVersion, equals: item?.modRevision ?? 0 }],
        operations: [{ kind: 'put', key: keys.engineVersion, value: String(version) }],
      },
      options,
    );
    if (succeeded) return;
    if (!(await holdsFence(access, fence, options))) throw leadershipLost(fence);
  }
}
