import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { createMemoryStore, type EmbeddedStore } from './embedded/index.ts';
import { withMetrics, withReadRetries, withTimeout } from './decorators.ts';
import { storeUnavailable } from './store-errors.ts';
import type { CallOptions, Store } from './store.ts';
import { failureOf, put } from './testing/contract-support.ts';
import { describeStoreContract } from './testing/store-contract.ts';

describeStoreContract('memory, behind all decorators', async () => {
  const clock = new FakeClock();
  const inner = createMemoryStore({ clock });
  const store = withMetrics(withReadRetries(withTimeout(inner, 1_000, clock), clock), { observe: () => undefined }, clock);
  return {
    store,
    prefix: '/test/',
    compact: (revision) => inner.compact(revision),
    passTime: (ms) => clock.advance(ms),
    shortTtlMs: 1_000,
    dispose: () => store[Symbol.asyncDispose](),
  };
});

let clock: FakeClock;
let inner: EmbeddedStore;
beforeEach(() => {
  clock = new FakeClock();
  inner = createMemoryStore({ clock });
});
afterEach(async () => {
  await inner[Symbol.asyncDispose]();
});

/** Fails the first `failures` calls of each kind, and counts all. */
function flaky(failures: number): Store & { readonly calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const check = (name: string): void => {
    const count = (calls.get(name) ?? 0) + 1;
    calls.set(name, count);
    if (count <= failures) throw storeUnavailable('away');
  };
  return {
    calls,
    get: async (key, options) => (check('get'), inner.get(key, options)),
    range: async (request, options) => (check('range'), inner.range(request, options)),
    transaction: async (transaction, options) => (check('transaction'), inner.transaction(transaction, options)),
    watch: (request, options) => inner.watch(request, options),
    grantLease: async (ttlMs, options) => (check('grantLease'), inner.grantLease(ttlMs, options)),
    keepAlive: async (lease, options) => (check('keepAlive'), inner.keepAlive(lease, options)),
    readLease: async (lease, options) => (check('readLease'), inner.readLease(lease, options)),
    revokeLease: async (lease, options) => (check('revokeLease'), inner.revokeLease(lease, options)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

/** A store that never answers, but listens to its signal. */
function silent(): Store {
  const never = <T>(options?: CallOptions): Promise<T> =>
    new Promise((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error));
    });
  return {
    get: (_key, options) => never(options),
    range: (_request, options) => never(options),
    transaction: (_transaction, options) => never(options),
    watch: (request, options) => inner.watch(request, options),
    grantLease: (_ttlMs, options) => never(options),
    keepAlive: (_lease, options) => never(options),
    readLease: (_lease, options) => never(options),
    revokeLease: (_lease, options) => never(options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

describe('withMetrics', () => {
  it('counts each kind of call with its duration and failure', async () => {
    const seen: [string, number, string | null][] = [];
    const store = withMetrics(inner, { observe: (...entry) => seen.push(entry) }, clock);
    await put(store, '/k', 'v');
    await store.get('/k');
    await store.range({ prefix: '/' });
    const { id } = await store.grantLease(1_000);
    await store.keepAlive(id);
    await store.revokeLease(id);
    await failureOf(store.keepAlive(id));
    await failureOf(store.get('/k', { signal: AbortSignal.abort(new Error('no')) }));
    expect(seen).toEqual([
      ['set', 0, null],
      ['get', 0, null],
      ['get_all', 0, null],
      ['grant_lease', 0, null],
      ['keep_alive', 0, null],
      ['revoke_lease', 0, null],
      ['keep_alive', 0, 'LEASE_NOT_FOUND'],
      ['get', 0, 'ABORTED'],
    ]);
  });

  it('counts a watch when it ends, with how long it ran', async () => {
    const seen: [string, number, string | null][] = [];
    const store = withMetrics(inner, { observe: (...entry) => seen.push(entry) }, clock);
    const controller = new AbortController();
    const watch = store.watch({ prefix: '/', fromRevision: 2 }, { signal: controller.signal })[Symbol.asyncIterator]();
    const next = failureOf(watch.next());
    await clock.advance(5_000);
    expect(seen).toEqual([]);
    controller.abort(new Error('done'));
    await next;
    expect(seen).toEqual([['watch', 5, 'ABORTED']]);
  });
});

describe('withTimeout', () => {
  it('ends a call that takes too long, and leaves no timer after one that does not', async () => {
    const slow = failureOf(withTimeout(silent(), 100, clock).get('/k'));
    await clock.advance(100);
    expect(isFleetError(await slow, 'STORE_TIMEOUT')).toBe(true);
    await withTimeout(inner, 100, clock).get('/k');
    expect(clock.pending).toBe(0);
  });

  it('passes the reason of the caller on', async () => {
    const caller = new AbortController();
    const reason = new Error('mine');
    const call = failureOf(withTimeout(silent(), 100, clock).get('/k', { signal: caller.signal }));
    caller.abort(reason);
    expect(await call).toBe(reason);
  });
});

describe('withReadRetries', () => {
  it('repeats reads, with pauses', async () => {
    const store = flaky(2);
    const result = withReadRetries(store, clock).get('/k');
    await clock.advance(1_000);
    expect((await result).item).toBeNull();
    expect(store.calls.get('get')).toBe(3);
  });

  it('gives up after the last attempt', async () => {
    const store = flaky(9);
    const result = failureOf(withReadRetries(store, clock, { attempts: 2 }).range({ prefix: '/' }));
    await clock.advance(1_000);
    expect(isFleetError(await result, 'STORE_UNAVAILABLE')).toBe(true);
    expect(store.calls.get('range')).toBe(2);
  });

  it('never repeats a write or a lease call', async () => {
    const store = flaky(1);
    const retrying = withReadRetries(store, clock);
    for (const call of [put(retrying, '/k', 'v'), retrying.grantLease(1_000), retrying.keepAlive('1'), retrying.revokeLease('1')]) await failureOf(call);
    expect([...store.calls.values()]).toEqual([1, 1, 1, 1]);
  });
});
