import { isFleetError } from '@fleet/runtime';
import type { LeaseId, Store, WatchBatch } from '../store.ts';

/** Writes one key; returns the revision. */
export async function put(store: Store, key: string, value: string, lease?: LeaseId): Promise<number> {
  const result = await store.transaction({ compare: [], operations: [{ kind: 'put', key, value, lease }] });
  return result.revision;
}

export async function remove(store: Store, key: string): Promise<number> {
  const result = await store.transaction({ compare: [], operations: [{ kind: 'delete', key }] });
  return result.revision;
}

/** Batches as short text: `5: +a=1 -b`, keys without the prefix. Progress batches are left out. */
export function describeBatches(batches: readonly WatchBatch[], prefix: string): string[] {
  return batches
    .filter((batch) => batch.changes.length > 0)
    .map((batch) => {
      const changes = batch.changes.map((change) => (change.kind === 'put' ? `+${change.item.key.slice(prefix.length)}=${change.item.value}` : `-${change.key.slice(prefix.length)}`));
      return changes.join(' ');
    });
}

/** Reads a watch until `count` batches with changes have come, or fails after `deadlineMs`. */
export async function takeBatches(store: Store, request: { readonly prefix: string; readonly fromRevision: number }, count: number, deadlineMs = 10_000): Promise<WatchBatch[]> {
  const controller = new AbortController();
  const taken: WatchBatch[] = [];
  const timer = setTimeout(() => {
    controller.abort(new Error(`only ${taken.length} of ${count} batches within ${deadlineMs} ms: ${JSON.stringify(describeBatches(taken, request.prefix))}`));
  }, deadlineMs);
  try {
    for await (const batch of store.watch(request, { signal: controller.signal })) {
      if (batch.changes.length > 0) taken.push(batch);
      if (taken.length >= count) break;
    }
    return taken;
  } finally {
    clearTimeout(timer);
  }
}

/** What a promise was rejected with; fails when it was not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure, but it succeeded');
}

/** The code of the FleetError that a promise was rejected with, another error as text; `no failure` if it was not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'no failure',
    (error: unknown) => (isFleetError(error) ? error.code : String(error)),
  );
}
