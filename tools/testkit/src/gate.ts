import { FleetError } from '@fleet/runtime';
import type { Store, WatchBatch } from '@fleet/registry';

/** Longest wait of a call at a paused gate, as the etcd adapter gives up on an etcd that does not answer. */
const defaultDeadlineMs = 1_000;

/**
 * What stands between one machine and the store: `open`, `paused` (nobody answers, calls run into their deadline, as with a
 * suspended etcd or a cut cable), or `closed` for good (the daemon behind it is dead: nothing it still does has an effect).
 */
export class Gate {
  #state: 'open' | 'paused' | 'closed' = 'open';
  readonly #waiting = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #deadlineMs: number;

  constructor(deadlineMs = defaultDeadlineMs) {
    this.#deadlineMs = deadlineMs;
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  pause(): void {
    if (this.#state === 'open') this.#state = 'paused';
  }

  open(): void {
    if (this.#state === 'paused') this.#state = 'open';
    this.#wake();
  }

  close(): void {
    this.#state = 'closed';
    this.#closing.abort(unreachable());
    this.#wake();
  }

  /** Resolves when open. @throws FleetError `STORE_TIMEOUT` after the deadline, `STORE_UNAVAILABLE` when closed; the signal's reason. */
  async pass(signal?: AbortSignal, deadlineMs: number = this.#deadlineMs): Promise<void> {
    signal?.throwIfAborted();
    if (this.#state === 'paused') await this.#wait(signal, deadlineMs);
    if (this.#state === 'closed') throw unreachable();
  }

  async #wait(signal: AbortSignal | undefined, deadlineMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    let onOpen: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        onOpen = resolve;
        this.#waiting.add(resolve);
        if (Number.isFinite(deadlineMs))
          timer = setTimeout(() => reject(new FleetError('the store did not answer in time', { code: 'STORE_TIMEOUT', kind: 'unavailable' })), deadlineMs);
        onAbort = () => reject(signal?.reason as Error);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      if (onOpen !== undefined) this.#waiting.delete(onOpen);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function unreachable(): FleetError {
  return new FleetError('the store cannot be reached', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });
}

/** A store as seen through a gate. Disposing of it leaves the store behind it alone. */
export function gateStore(store: Store, gate: Gate): Store {
  const through = async <T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    await gate.pass(signal);
    const result = await call();
    // The answer has to come back as well; when it does not, the caller cannot know whether the call took effect.
    await gate.pass(signal);
    return result;
  };
  return {
    get: (key, options) => through(() => store.get(key, options), options?.signal),
    range: (request, options) => through(() => store.range(request, options), options?.signal),
    transaction: (transaction, options) => through(() => store.transaction(transaction, options), options?.signal),
    grantLease: (ttlMs, options) => through(() => store.grantLease(ttlMs, options), options?.signal),
    keepAlive: (lease, options) => through(() => store.keepAlive(lease, options), options?.signal),
    readLease: (lease, options) => through(() => store.readLease(lease, options), options?.signal),
    revokeLease: (lease, options) => through(() => store.revokeLease(lease, options), options?.signal),
    watch: (request, { signal }) => watchThrough(store, gate, request, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function* watchThrough(store: Store, gate: Gate, request: Parameters<Store['watch']>[0], signal: AbortSignal): AsyncGenerator<WatchBatch> {
  await gate.pass(signal);
  for await (const batch of store.watch(request, { signal: AbortSignal.any([signal, gate.closed]) })) {
    await gate.pass(signal, Infinity);
    yield batch;
  }
}
