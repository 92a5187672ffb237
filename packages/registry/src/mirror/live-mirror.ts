import { backoffDelayMs, describeError, isFleetError, type Clock, type Logger } from '@fleet/runtime';
import type { Keys } from '../keys.ts';
import { listPages } from '../listing.ts';
import type { Mirror, MirrorBatch, MirrorScope, RecordChange, RecordKind, RecordKinds } from '../registry-types.ts';
import { storeUnavailable } from '../store-errors.ts';
import type { Store, WatchBatch } from '../store.ts';
import { Copy, type Decoded } from './copy.ts';
import { planScope, type ScopePlan } from './scope.ts';
import { RevisionWaiters } from './revision-waiters.ts';
import { findLostChanges } from './slow-check.ts';

export interface MirrorAccess {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly logger: Logger;
}

const BACKOFF = { initialMs: 100, maxMs: 5_000, jitter: 0.5 };
const STEADY_MS = 1_000;
/** Ends a round of watching because a reader needs a revision that the watches have not shown, or because they have lost something; no failure. */
const resync = new Error('listing again');

/** @see Registry.openMirror */
export async function openMirror(access: MirrorAccess, scope: MirrorScope, options: { readonly signal: AbortSignal }): Promise<Mirror> {
  options.signal.throwIfAborted();
  const mirror = new LiveMirror(access, scope);
  await new Promise<void>((resolve, reject) => {
    mirror.run(options.signal, resolve).then(() => reject(options.signal.reason as Error), reject);
  });
  return mirror;
}

/** Lists, watches, and begins again when the watch ends, until its signal aborts. */
class LiveMirror implements Mirror {
  readonly #access: MirrorAccess;
  readonly #logger: Logger;
  readonly #plan: ScopePlan;
  readonly #copy: Copy;
  readonly #waiters: RevisionWaiters;
  readonly #listeners = new Set<(batch: MirrorBatch) => void>();
  readonly #livenessListeners = new Set<(live: boolean) => void>();
  /** How far each watch has come; the listing's revision until it delivers something. */
  readonly #reached = new Map<string, number>();
  /** Ends the running round of watches, to list again. */
  #round = new AbortController();
  #revision = 0;
  #live = false;

  constructor(access: MirrorAccess, scope: MirrorScope) {
    this.#access = access;
    this.#logger = access.logger.with({ mirror: scope.kind });
    this.#plan = planScope(access.keys, scope);
    this.#copy = new Copy({ keys: access.keys, logger: this.#logger, holds: this.#plan.holds });
    this.#waiters = new RevisionWaiters(access.clock, () => this.#round.abort(resync));
  }

  get revision(): number {
    return this.#revision;
  }

  get live(): boolean {
    return this.#live;
  }

  records<K extends RecordKind>(kind: K): ReadonlyMap<string, RecordKinds[K]> {
    return this.#copy.records(kind);
  }

  subscribe(listener: (batch: MirrorBatch) => void): () => void {
    // A function of its own, so that one listener subscribed twice is two subscriptions.
    const entry = (batch: MirrorBatch): void => listener(batch);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  onLiveness(listener: (live: boolean) => void): () => void {
    const entry = (live: boolean): void => listener(live);
    this.#livenessListeners.add(entry);
    return () => void this.#livenessListeners.delete(entry);
  }

  async waitForRevision(revision: number, options: { readonly signal: AbortSignal }): Promise<void> {
    options.signal.throwIfAborted();
    if (this.#revision < revision) await this.#waiters.wait(revision, options.signal);
  }

  /** Resolves when the signal has aborted; calls `ready` when the copy is first complete. Rejects only on a bug. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { clock } = this.#access;
    const ended = (): boolean => signal.aborted;
    let failures = 0;
    while (!ended()) {
      let listedAt = Infinity;
      try {
        await this.#list(signal);
        listedAt = clock.monotonic();
        this.#round = new AbortController();
        this.#setLive(true);
        ready();
        await this.#follow(AbortSignal.any([signal, this.#round.signal]));
      } catch (error) {
        if (ended()) break;
        if (error === resync) continue;
        // Only a watch that has worked for a while ends a row of failures: one that is always refused must not list in a loop.
        if (clock.monotonic() - listedAt > STEADY_MS) failures = 0;
        if (!isFleetError(error)) this.#logger.error('mirror failed unexpectedly', { error: describeError(error) });
        // Compaction is answered at once by a new listing, unless that falls behind as well.
        if (isFleetError(error, 'STORE_COMPACTED') && failures === 0) {
          failures += 1;
          this.#logger.info('mirror lists again', { error: describeError(error) });
          continue;
        }
        this.#setLive(false);
        const delayMs = backoffDelayMs(failures, BACKOFF);
        // Once is enough for people: an outage of hours is one line, not thousands.
        this.#logger[failures === 0 ? 'warn' : 'debug']('mirror lost the store', { error: describeError(error), retryMs: Math.round(delayMs) });
        failures += 1;
        await clock.sleep(delayMs, { signal }).catch(() => undefined);
      }
    }
    this.#setLive(false);
    this.#waiters.close(signal.reason as Error);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const decoded: Decoded[] = [];
    let revision: number | undefined;
    this.#waiters.listingBegins();
    for (const prefix of this.#plan.list) {
      for await (const page of listPages(this.#access.store, { prefix, revision }, { signal })) {
        ({ revision } = page);
        for (const item of page.items) {
          const one = this.#copy.decode(item);
          if (one !== undefined) decoded.push(one);
        }
        // Others have their turn between the pages of a large listing.
        await new Promise((resolve) => void setImmediate(resolve));
        signal.throwIfAborted();
      }
    }
    const changes = this.#copy.replace(decoded);
    this.#reached.clear();
    for (const prefix of this.#plan.watch) this.#reached.set(prefix, revision ?? 0);
    this.#revision = revision ?? 0;
    this.#deliver({ revision: this.#revision, relisted: true, changes });
    this.#waiters.listed(this.#revision);
  }

  /** Watches until the first watch ends, or proves to be incomplete, and ends the others with it: the next listing is one for all. */
  async #follow(signal: AbortSignal): Promise<void> {
    const group = new AbortController();
    const both = AbortSignal.any([signal, group.signal]);
    await Promise.all(
      [...this.#plan.watch.map((prefix) => this.#watch(prefix, both)), this.#check(both)].map(async (work) => {
        try {
          await work;
        } catch (error) {
          if (!group.signal.aborted) group.abort(error);
        }
      }),
    );
    signal.throwIfAborted();
    throw group.signal.reason;
  }

  async #watch(prefix: string, signal: AbortSignal): Promise<void> {
    const fromRevision = (this.#reached.get(prefix) ?? 0) + 1;
    for await (const batch of this.#access.store.watch({ prefix, fromRevision }, { signal })) this.#apply(prefix, batch);
    throw storeUnavailable(`the watch on ${prefix} has ended`);
  }

  async #check(signal: AbortSignal): Promise<never> {
    const { store, clock } = this.#access;
    await findLostChanges({ store, clock, logger: this.#logger, plan: this.#plan, copy: this.#copy }, signal);
    throw resync;
  }

  #apply(prefix: string, batch: WatchBatch): void {
    const changes: RecordChange[] = [];
    for (const change of batch.changes) {
      const applied = this.#copy.apply(change);
      if (applied !== undefined) changes.push(applied);
    }
    this.#reached.set(prefix, batch.revision);
    this.#revision = Math.min(...this.#reached.values());
    if (changes.length > 0) this.#deliver({ revision: batch.revision, relisted: false, changes });
    this.#waiters.reached(this.#revision);
  }

  #deliver(batch: MirrorBatch): void {
    for (const listener of [...this.#listeners]) this.#call(() => listener(batch));
  }

  #setLive(live: boolean): void {
    if (live === this.#live) return;
    this.#live = live;
    for (const listener of [...this.#livenessListeners]) this.#call(() => listener(live));
  }

  // A listener's failure is its own; the copy and the other listeners go on.
  #call(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#logger.error('mirror listener failed', { error: describeError(error) });
    }
  }
}
