import type { RegistryMetrics } from '@fleet/api-server';
import type { Store } from '@fleet/registry';
import type { Clock } from '@fleet/runtime';

/** The same store, counted: `get`, `get_all` for ranges, `set` for whatever writes (names of the original). */
export function measureStore(store: Store, metrics: RegistryMetrics, clock: Clock): Store {
  const measure = async <T>(type: 'get' | 'get_all' | 'set', work: () => Promise<T>): Promise<T> => {
    const startedAt = clock.monotonic();
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      metrics.operation(type, (clock.monotonic() - startedAt) / 1000, failed);
    }
  };
  return {
    get: (key, options) => measure('get', () => store.get(key, options)),
    range: (request, options) => measure('get_all', () => store.range(request, options)),
    transaction: (transaction, options) => measure('set', () => store.transaction(transaction, options)),
    watch: (request, options) => store.watch(request, options),
    grantLease: (ttlMs, options) => measure('set', () => store.grantLease(ttlMs, options)),
    keepAlive: (lease, options) => measure('set', () => store.keepAlive(lease, options)),
    revokeLease: (lease, options) => measure('set', () => store.revokeLease(lease, options)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
