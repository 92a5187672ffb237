import type { Mirror, Registry } from '@fleet/registry';
import { describeError, FleetError, type Clock, type Logger } from '@fleet/runtime';
import { createDeadline, raceSignal } from '../deadline.ts';
import { ClusterView } from './cluster-view.ts';
import { UnitTexts } from './texts.ts';

export interface ClusterCacheOptions {
  readonly registry: Pick<Registry, 'openMirror' | 'readText' | 'readEngineVersion'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Dropped after this long without a request or a stream. */
  readonly idleMs: number;
  /** Longest wait of a request: for the first listing, for a store that is away, for a revision. */
  readonly readTimeoutMs: number;
  /** Called with each new view, before anyone sees it. */
  readonly onOpen: (view: ClusterView) => void;
  readonly onDrop: () => void;
}

interface Open {
  readonly controller: AbortController;
  readonly view: Promise<ClusterView>;
  ready: ClusterView | undefined;
}

/**
 * The watch cache behind all reads: nothing until the first request, then a live copy of the cluster, dropped again when
 * nobody has asked for a while, so that a thousand daemons do not each follow everything.
 */
export class ClusterCache {
  readonly texts: UnitTexts;
  readonly #options: ClusterCacheOptions;
  #open: Open | undefined;
  #retained = 0;
  #lastUsed = 0;
  #cancelIdle: (() => void) | undefined;
  #closed = false;

  constructor(options: ClusterCacheOptions) {
    this.#options = options;
    this.texts = new UnitTexts({ readText: (hash, call) => options.registry.readText(hash, call) });
  }

  /** The view if there is one at the moment. */
  get current(): ClusterView | undefined {
    return this.#open?.ready;
  }

  /**
   * The live view, at `minRevision` or later.
   *
   * @throws FleetError `STORE_UNAVAILABLE` when the store cannot be reached in time, `REVISION_NOT_REACHED` when the
   * revision asked for has not come in time (both unavailable).
   */
  async acquire(options: { readonly signal?: AbortSignal; readonly minRevision?: number | undefined } = {}): Promise<ClusterView> {
    const ready = this.#open?.ready;
    this.#lastUsed = this.#options.clock.monotonic();
    if (ready?.mirror.live === true && (options.minRevision === undefined || ready.revision >= options.minRevision)) return ready;
    return await this.#acquireSlowly(options);
  }

  /** Keeps the cache while a stream lasts; the returned function lets it go. */
  retain(): () => void {
    this.#retained += 1;
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#retained -= 1;
      this.#lastUsed = this.#options.clock.monotonic();
    };
  }

  /**
   * After a write: resolves when the cache, if there is one, has reached it, so that the writer reads its own write. That
   * includes a cache that is being built, which may have listed before the write.
   */
  async waitForWrite(revision: number): Promise<void> {
    const open = this.#open;
    if (open === undefined || (open.ready?.revision ?? 0) >= revision) return;
    using deadline = this.#deadline(() => revisionNotReached(revision));
    try {
      const view = open.ready ?? (await raceSignal(open.view, deadline.signal));
      await view.mirror.waitForRevision(revision, { signal: deadline.signal });
    } catch (error) {
      // A cache that was dropped or could not be built meanwhile shows nothing old: the next one lists after the write.
      if (this.#open !== open) return;
      this.#options.logger.warn('cache has not reached a write in time', { revision, at: open.ready?.revision, reason: describeError(error) });
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #acquireSlowly(options: { readonly signal?: AbortSignal; readonly minRevision?: number | undefined }): Promise<ClusterView> {
    using deadline = this.#deadline(() => new FleetError('the registry cannot be reached', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' }), options.signal);
    const open = (this.#open ??= this.#start());
    const view = open.ready ?? (await raceSignal(Promise.race([open.view, this.#probe()]), deadline.signal));
    if (!view.mirror.live) await raceSignal(untilLive(view.mirror, deadline.signal), deadline.signal);
    const { minRevision } = options;
    if (minRevision !== undefined && view.revision < minRevision) {
      using revisionDeadline = this.#deadline(() => revisionNotReached(minRevision), options.signal);
      await view.mirror.waitForRevision(minRevision, { signal: revisionDeadline.signal });
    }
    return view;
  }

  /** Fails as soon as the store does, where the first listing would go on trying; never resolves. */
  async #probe(): Promise<never> {
    await this.#options.registry.readEngineVersion();
    return await new Promise<never>(() => undefined);
  }

  #start(): Open {
    if (this.#closed) throw new FleetError('the API server is shutting down', { code: 'SHUTTING_DOWN', kind: 'unavailable' });
    const { registry, logger } = this.#options;
    const controller = new AbortController();
    const view = registry.openMirror({ kind: 'cluster' }, { signal: controller.signal }).then((mirror) => {
      const ready = new ClusterView(mirror);
      this.#options.onOpen(ready);
      open.ready = ready;
      logger.debug('cache built', { revision: ready.revision, units: ready.unitNames.all.length });
      return ready;
    });
    const open: Open = { controller, view, ready: undefined };
    view.catch((error: unknown) => {
      if (this.#open === open) this.#open = undefined;
      if (!controller.signal.aborted) logger.warn('cache cannot be built', { reason: describeError(error) });
    });
    this.#watchIdle();
    return open;
  }

  #watchIdle(): void {
    const { clock, idleMs } = this.#options;
    this.#cancelIdle?.();
    const left = idleMs - (clock.monotonic() - this.#lastUsed);
    this.#cancelIdle = clock.schedule(Math.max(left, 1_000), () => {
      if (this.#open === undefined) return;
      if (this.#retained === 0 && clock.monotonic() - this.#lastUsed >= idleMs) this.#drop();
      else this.#watchIdle();
    });
  }

  #drop(): void {
    this.#cancelIdle?.();
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    open.controller.abort(new FleetError('the cache was dropped', { code: 'CACHE_DROPPED', kind: 'unavailable' }));
    open.ready?.[Symbol.dispose]();
    this.texts.clear();
    this.#options.onDrop();
    this.#options.logger.debug('cache dropped');
  }

  #deadline(error: () => Error, signal?: AbortSignal): { readonly signal: AbortSignal } & Disposable {
    return createDeadline(this.#options.clock, this.#options.readTimeoutMs, error, signal);
  }
}

async function untilLive(mirror: Mirror, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const unsubscribe = mirror.onLiveness((live) => {
      if (live) done();
    });
    const done = (): void => {
      unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    if (mirror.live) done();
  });
}

function revisionNotReached(revision: number): FleetError {
  return new FleetError(`revision ${revision} has not been reached in time`, {
    code: 'REVISION_NOT_REACHED',
    kind: 'unavailable',
    remedy: 'try again; if it never comes, the revision is from another cluster',
  });
}
