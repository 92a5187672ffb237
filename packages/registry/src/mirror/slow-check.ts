import { describeError, type Clock, type Logger } from '@fleet/runtime';
import { listPages } from '../listing.ts';
import type { KeyValue, Store } from '../store.ts';
import type { Copy } from './copy.ts';
import type { ScopePlan } from './scope.ts';

export interface SlowCheckOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plan: Pick<ScopePlan, 'list'>;
  readonly copy: Pick<Copy, 'differences'>;
}

/** Between two checks; up to half as much again by chance, so that a thousand daemons do not check at once. */
const CHECK_MS = 600_000;
/** A difference older than this is no change on its way. */
const ON_ITS_WAY_MS = 5_000;
/** Keys named in the log. */
const NAMED = 5;

/**
 * Compares a mirror now and then with the keys and revisions in the store (docs/decisions/0038). Watches tell of every change; should one ever be lost, by a fault in etcd, in
 * a proxy before it or here, nobody else would notice. Reads keys only, and waits for as long as they agree.
 *
 * @returns when the mirror lacks something for good: it has to list again.
 * @throws the signal's reason.
 */
export async function findLostChanges(options: SlowCheckOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options;
  for (;;) {
    await clock.sleep(CHECK_MS * (1 + Math.random() / 2), { signal });
    try {
      const first = await differences(options, signal);
      if (first.length === 0) continue;
      await clock.sleep(ON_ITS_WAY_MS, { signal });
      const still = new Set(first);
      const lost = (await differences(options, signal)).filter((difference) => still.has(difference));
      if (lost.length === 0) continue;
      logger.error('mirror has missed changes, listing again', { differences: lost.length, first: lost.slice(0, NAMED) });
      return;
    } catch (error) {
      signal.throwIfAborted();
      logger.debug('mirror was not compared with the store', { error: describeError(error) });
    }
  }
}

async function differences({ store, plan, copy }: SlowCheckOptions, signal: AbortSignal): Promise<string[]> {
  const listing: KeyValue[] = [];
  let revision: number | undefined;
  for (const prefix of plan.list) {
    for await (const page of listPages(store, { prefix, revision, keysOnly: true }, { signal })) {
      ({ revision } = page);
      for (const item of page.items) listing.push(item);
    }
  }
  return copy.differences(listing);
}
