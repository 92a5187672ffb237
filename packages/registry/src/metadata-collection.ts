import type { Clock } from '@fleet/runtime';
import type { Part } from './batch.ts';
import type { Keys } from './keys.ts';
import { fenceCompare, holdsFence, leadershipLost, type LeaderAccess } from './leadership.ts';
import { listAll } from './listing.ts';
import type { CallOptions, KeyValue } from './store.ts';

/** How long the dynamic metadata of a machine outlives it: long enough for one that is being repaired. */
export const METADATA_KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Deletes the dynamic metadata of machines that have been gone for a week. When a machine went is not recorded anywhere, so the
 * first round that misses it notes the time (`absent/<id>`), and a round that finds it again takes the note away.
 *
 * @returns of how many machines metadata was deleted.
 * @throws FleetError `LEADERSHIP_LOST` (conflict)
 */
export async function collectMetadata(access: LeaderAccess & { readonly clock: Pick<Clock, 'now'> }, fence: number, options?: CallOptions): Promise<number> {
  const { store, keys, clock } = access;
  const metadata = await listAll(store, { prefix: keys.folder('metadata'), keysOnly: true }, options);
  const { revision } = metadata;
  const machines = await listAll(store, { prefix: keys.folder('machines'), keysOnly: true, revision }, options);
  const notes = await listAll(store, { prefix: keys.folder('absent'), revision }, options);
  const idsOf = (items: readonly KeyValue[], folder: string): Map<string, KeyValue> => new Map(items.map((item) => [item.key.slice(folder.length), item]));
  const parts = decide(keys, {
    metadata: idsOf(metadata.items, keys.folder('metadata')),
    machines: idsOf(machines.items, keys.folder('machines')),
    notes: idsOf(notes.items, keys.folder('absent')),
    now: Math.round(clock.now()),
  });
  let deleted = 0;
  // One machine in each transaction: one that comes back at this moment spoils its own only. There are few.
  for (const { compare, operations, deletes } of parts) {
    const { succeeded } = await store.transaction({ compare: [fenceCompare(keys, fence), ...compare], operations }, options);
    if (succeeded) deleted += deletes;
    else if (!(await holdsFence(access, fence, options))) throw leadershipLost(fence);
  }
  return deleted;
}

interface Found {
  readonly metadata: ReadonlyMap<string, KeyValue>;
  readonly machines: ReadonlyMap<string, KeyValue>;
  readonly notes: ReadonlyMap<string, KeyValue>;
  readonly now: number;
}

function decide(keys: Keys, { metadata, machines, notes, now }: Found): (Part & { readonly deletes: number })[] {
  const parts: (Part & { readonly deletes: number })[] = [];
  for (const [id, item] of metadata) {
    const note = notes.get(id);
    if (machines.has(id)) continue;
    if (note === undefined) parts.push({ compare: [], operations: [{ kind: 'put', key: keys.absent(id), value: String(now) }], deletes: 0 });
    else if (!(Number(note.value) > now - METADATA_KEPT_MS)) {
      parts.push({
        // Neither back, nor given new metadata for its return.
        compare: [{ kind: 'create-revision', key: keys.machine(id), equals: 0 }, { kind: 'mod-revision', key: item.key, equals: item.modRevision }],
        operations: [{ kind: 'delete', key: item.key }, { kind: 'delete', key: note.key }],
        deletes: 1,
      });
    }
  }
  for (const [id, note] of notes) {
    if (!metadata.has(id) || machines.has(id)) parts.push({ compare: [], operations: [{ kind: 'delete', key: note.key }], deletes: 0 });
  }
  return parts;
}
