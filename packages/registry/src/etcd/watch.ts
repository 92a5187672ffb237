import { storeCompacted, storeDenied, storeTimeout, storeUnavailable } from '../store-errors.ts';
import type { WatchBatch } from '../store.ts';
import type { Connection } from './connection.ts';
import { prefixRange, toBatches, type EtcdEvent, type EtcdWatchResponse } from './messages.ts';

export interface WatchOptions {
  readonly prefix: string;
  readonly fromRevision: number;
  readonly signal: AbortSignal;
  /** For etcd to confirm the watch. */
  readonly confirmTimeoutMs: number;
}

/**
 * One watch. Delivers whole revisions: fragments of a large one are put together first. Ends with its
 * stream; going on elsewhere is the caller's decision, because only the caller knows what it has processed.
 *
 * @throws FleetError `STORE_COMPACTED`, `STORE_UNAVAILABLE`, `STORE_TIMEOUT`; the signal's reason.
 */
export async function* watchEtcd(connection: Connection, options: WatchOptions): AsyncGenerator<WatchBatch, never> {
  const { prefix, fromRevision, signal } = options;
  signal.throwIfAborted();
  const stream = await connection.watch({ ...prefixRange(prefix), start_revision: fromRevision, progress_notify: true, fragment: true });
  // Why this side ended the watch, which else looks like a failure of the other side.
  let ended: unknown;
  const end = (reason: unknown): void => {
    ended ??= reason;
    stream.cancel();
  };
  const onAbort = (): void => end(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    end(storeTimeout(`etcd at ${connection.endpoint} did not confirm a watch within ${options.confirmTimeoutMs} ms`));
  }, options.confirmTimeoutMs);
  try {
    signal.throwIfAborted();
    let events: EtcdEvent[] = [];
    for await (const response of stream) {
      if (response.created) clearTimeout(timer);
      checkCancelled(connection, response, fromRevision);
      for (const event of response.events) events.push(event);
      if (response.fragment) continue;
      signal.throwIfAborted();
      if (events.length > 0) {
        const batches = toBatches(events);
        events = [];
        for (const batch of batches) {
          yield batch;
          signal.throwIfAborted();
        }
      } else if (!response.created) {
        yield { revision: Number(response.header.revision), changes: [] };
      }
    }
    throw storeUnavailable(`etcd at ${connection.endpoint} ended a watch`);
  } catch (error) {
    throw ended ?? (signal.aborted ? signal.reason : connection.translate(error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    stream.cancel();
  }
}

function checkCancelled(connection: Connection, response: EtcdWatchResponse, fromRevision: number): void {
  if (Number(response.compact_revision) !== 0) throw storeCompacted(fromRevision, Number(response.compact_revision));
  if (!response.canceled) return;
  const reason = response.cancel_reason === '' ? 'no reason given' : response.cancel_reason;
  if (/permission denied|auth token|user name is empty/.test(reason)) throw storeDenied(`etcd at ${connection.endpoint} refused a watch: ${reason}`);
  throw storeUnavailable(`etcd at ${connection.endpoint} ended a watch: ${reason}`);
}
