import { isFleetError } from '@fleet/runtime';
import { packBatches, type Part } from './batch.ts';
import { decodeUnit } from './codecs.ts';
import { fenceCompare, holdsFence, leadershipLost, type LeaderAccess } from './leadership.ts';
import { listAll } from './listing.ts';
import type { CallOptions, KeyValue } from './store.ts';

/**
 * One round of collecting texts that no unit refers to: marks those that are newly without a unit, deletes those marked at
 * an earlier round. How that is safe against units created meanwhile is told at {@link Texts}.
 *
 * @returns how many texts were deleted.
 * @throws FleetError `LEADERSHIP_LOST` (conflict)
 */
export async function collectTexts(access: LeaderAccess, fence: number, options?: CallOptions): Promise<number> {
  const { store, keys } = access;
  const texts = await listAll(store, { prefix: keys.folder('files'), keysOnly: true }, options);
  const { revision } = texts;
  const marks = await listAll(store, { prefix: keys.folder('marks'), revision }, options);
  const units = await listAll(store, { prefix: keys.folder('units'), revision }, options);

  const referenced = hashesOf(units.items, keys.folder('units'));
  // A unit whose record cannot be read may refer to anything: nothing is collected until it is mended.
  if (referenced === null) return 0;
  const marked = new Map(marks.items.map((item) => [item.key.slice(keys.folder('marks').length), item]));
  const parts: (Part & { readonly deletes: number })[] = [];
  for (const { key } of texts.items) {
    const hash = key.slice(keys.folder('files').length);
    const mark = marked.get(hash);
    marked.delete(hash);
    if (referenced.has(hash)) {
      if (mark !== undefined) parts.push(unmark(mark));
    } else if (mark === undefined) {
      parts.push({ compare: [], operations: [{ kind: 'put', key: keys.mark(hash), value: '1' }], deletes: 0 });
    } else {
      parts.push({ ...unmark(mark), operations: [{ kind: 'delete', key }, { kind: 'delete', key: mark.key }], deletes: 1 });
    }
  }
  for (const mark of marked.values()) parts.push(unmark(mark));
  return commit(access, parts, fence, options);
}

async function commit(access: LeaderAccess, parts: readonly (Part & { readonly deletes: number })[], fence: number, options: CallOptions | undefined): Promise<number> {
  let deleted = 0;
  const common = { compare: [fenceCompare(access.keys, fence)], operations: [] };
  for (const { items, transaction } of packBatches(parts, (part) => part, common)) {
    const { succeeded } = await access.store.transaction(transaction, options);
    if (succeeded) {
      for (const { deletes } of items) deleted += deletes;
      continue;
    }
    if (!(await holdsFence(access, fence, options))) throw leadershipLost(fence);
    // A text came into use meanwhile. It stays; the others have their turn in halves.
    if (items.length === 1) continue;
    const middle = Math.ceil(items.length / 2);
    deleted += await commit(access, items.slice(0, middle), fence, options);
    deleted += await commit(access, items.slice(middle), fence, options);
  }
  return deleted;
}

function unmark(mark: KeyValue): Part & { readonly deletes: number } {
  return { compare: [{ kind: 'mod-revision', key: mark.key, equals: mark.modRevision }], operations: [{ kind: 'delete', key: mark.key }], deletes: 0 };
}

function hashesOf(units: readonly KeyValue[], folder: string): Set<string> | null {
  const hashes = new Set<string>();
  for (const item of units) {
    try {
      hashes.add(decodeUnit(item, item.key.slice(folder.length)).hash);
    } catch (error) {
      if (!isFleetError(error, 'RECORD_INVALID')) throw error;
      return null;
    }
  }
  return hashes;
}
