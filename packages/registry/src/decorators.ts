import { backoffDelayMs, isFleetError, type BackoffOptions, type Clock } from '@fleet/runtime';
import { storeTimeout } from './store-errors.ts';
import type { CallOptions, Store } from './store.ts';

/** The calls of a {@link Store}, as they are counted. `get_all` is a range; the names are those of fleet's own metrics. */
export type StoreOperation = 'get' | 'get_all' | 'set' | 'watch' | 'grant_lease' | 'keep_alive' | 'read_lease' | 'revoke_lease';

/** Where counts go; a metrics library, or a test. */
export interface StoreMetrics {
  /** A call has ended: how long it took and, if it failed, the code of the failure (`ABORTED` for the caller's own wish). */
  observe(operation: StoreOperation, seconds: number, failure: string | null): void;
}

/** What a decorator does around each call but `watch`, which passes through. */
interface Around {
  call<T>(operation: StoreOperation, options: CallOptions | undefined, run: (options: CallOptions | undefined) => Promise<T>): Promise<T>;
}

function decorate(store: Store, around: Around): Store {
  return {
    get: (key, options) => around.call('get', options, (inner) => store.get(key, inner)),
    range: (request, options) => around.call('get_all', options, (inner) => store.range(request, inner)),
    transaction: (transaction, options) => around.call('set', options, (inner) => store.transaction(transaction, inner)),
    watch: (request, options) => store.watch(request, options),
    grantLease: (ttlMs, options) => around.call('grant_lease', options, (inner) => store.grantLease(ttlMs, inner)),
    keepAlive: (lease, options) => around.call('keep_alive', options, (inner) => store.keepAlive(lease, inner)),
    readLease: (lease, options) => around.call('read_lease', options, (inner) => store.readLease(lease, inner)),
    revokeLease: (lease, options) => around.call('revoke_lease', options, (inner) => store.revokeLease(lease, inner)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Counts calls, failures and durations. A watch counts once, when it ends. */
export function withMetrics(store: Store, metrics: StoreMetrics, clock: Clock): Store {
  const failureOf = (error: unknown, signal: AbortSignal | undefined): string => {
    if (signal?.aborted === true) return 'ABORTED';
    return isFleetError(error) ? error.code : 'UNKNOWN';
  };
  return {
    ...decorate(store, {
      async call(operation, options, run) {
        const started = clock.monotonic();
        let failure: string | null = null;
        try {
          return await run(options);
        } catch (error) {
          failure = failureOf(error, options?.signal);
          throw error;
        } finally {
          metrics.observe(operation, (clock.monotonic() - started) / 1_000, failure);
        }
      },
    }),
    async *watch(request, options) {
      const started = clock.monotonic();
      let failure: string | null = null;
      try {
        yield* store.watch(request, options);
      } catch (error) {
        failure = failureOf(error, options.signal);
        throw error;
      } finally {
        metrics.observe('watch', (clock.monotonic() - started) / 1_000, failure);
      }
    },
  };
}

/** Gives every call but watches at most `timeoutMs`; then it fails with `STORE_TIMEOUT`, and a write has an unknown outcome. */
export function withTimeout(store: Store, timeoutMs: number, clock: Clock): Store {
  return decorate(store, {
    async call(operation, options, run) {
      const deadline = new AbortController();
      const cancel = clock.schedule(timeoutMs, () => deadline.abort(storeTimeout(`${operation} took longer than ${timeoutMs} ms`)));
      const outer = options?.signal;
      try {
        return await run({ signal: outer === undefined ? deadline.signal : AbortSignal.any([outer, deadline.signal]) });
      } finally {
        cancel();
      }
    },
  });
}

export interface RetryReadsOptions extends Partial<BackoffOptions> {
  /** Tries in all, the first included; 3 unless told. */
  readonly attempts?: number;
}

/**
 * Repeats reads (`get`, `range`) that fail because the store is unavailable or slow. Writes and leases are never repeated:
 * whether a failed write took effect is unknown, and only its author knows what a second one would do.
 */
export function withReadRetries(store: Store, clock: Clock, options: RetryReadsOptions = {}): Store {
  const { attempts = 3, initialMs = 50, maxMs = 1_000, ...rest } = options;
  const transient = (error: unknown): boolean => isFleetError(error, 'STORE_UNAVAILABLE') || isFleetError(error, 'STORE_TIMEOUT');
  return decorate(store, {
    async call(operation, callOptions, run) {
      if (operation !== 'get' && operation !== 'get_all') return run(callOptions);
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await run(callOptions);
        } catch (error) {
          if (attempt + 1 >= attempts || !transient(error)) throw error;
          await clock.sleep(backoffDelayMs(attempt, { initialMs, maxMs, ...rest }), { signal: callOptions?.signal });
        }
      }
    },
  });
}
