import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRegistry, type Registry, type Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { FleetError, silentLogger, systemClock } from '@fleet/runtime';
import { FakeClock, waitUntil } from '@fleet/runtime/testing';
import { TestCluster } from '../testing/index.ts';
import { ClusterCache } from './cluster-cache.ts';

describe('ClusterCache', () => {
  let store: Store;
  let registry: Registry;
  let cluster: TestCluster;
  let clock: FakeClock;
  let opened: number;
  let dropped: number;
  let cache: ClusterCache;

  const build = (over: Partial<Registry> = {}): ClusterCache =>
    new ClusterCache({
      registry: { ...registry, ...over },
      clock,
      logger: silentLogger,
      idleMs: 300_000,
      readTimeoutMs: 2_000,
      onOpen: () => (opened += 1),
      onDrop: () => (dropped += 1),
    });

  beforeEach(() => {
    store = createMemoryStore();
    registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
    cluster = new TestCluster(registry);
    clock = new FakeClock();
    opened = 0;
    dropped = 0;
    cache = build();
  });

  afterEach(async () => {
    cache.close();
    await store[Symbol.asyncDispose]();
  });

  it('reads nothing before it is asked, and builds once for many who ask at once', async () => {
    expect(cache.current).toBeUndefined();
    const views = await Promise.all([cache.acquire(), cache.acquire(), cache.acquire()]);
    expect(new Set(views).size).toBe(1);
    expect(opened).toBe(1);
  });

  it('is dropped when idle, not while it is used or a stream holds it', async () => {
    await cache.acquire();
    await clock.advance(200_000);
    await cache.acquire();
    await clock.advance(200_000);
    expect(dropped).toBe(0);
    const release = cache.retain();
    await clock.advance(900_000);
    expect(dropped).toBe(0);
    release();
    release();
    await clock.advance(301_000);
    expect(dropped).toBe(1);
    expect(cache.current).toBeUndefined();
    await cache.acquire();
    expect(opened).toBe(2);
  });

  it('waits for the revision that is asked for', async () => {
    const before = await cache.acquire();
    const next = before.revision + 1;
    const waiting = cache.acquire({ minRevision: next });
    await cluster.create('a.service');
    expect((await waiting).unit('a.service')?.name).toBe('a.service');
  });

  it('gives up on a revision that does not come', async () => {
    await cache.acquire();
    const waiting = expect(cache.acquire({ minRevision: 1_000_000 })).rejects.toMatchObject({ code: 'REVISION_NOT_REACHED', kind: 'unavailable' });
    await clock.advance(2_001);
    await waiting;
  });

  it('shows a write to its writer', async () => {
    await cache.acquire();
    const revision = await cluster.create('a.service');
    await cache.waitForWrite(revision);
    expect(cache.current?.unit('a.service')).toBeDefined();
  });

  it('shows a write to its writer when it is being built at that moment', async () => {
    let listed = (): void => undefined;
    const held = new Promise<void>((resolve) => (listed = resolve));
    cache.close();
    cache = build({
      openMirror: async (...args) => {
        const mirror = await registry.openMirror(...args);
        // Listed before the write, shown after it, and its watch has not delivered yet.
        await held;
        return mirror;
      },
    });
    const reading = cache.acquire();
    const revision = await cluster.create('a.service');
    const written = cache.waitForWrite(revision).then(() => cache.current?.unit('a.service')?.name);
    expect(await Promise.race([written, new Promise((resolve) => setImmediate(() => resolve('waits')))])).toBe('waits');
    listed();
    await reading;
    expect(await written).toBe('a.service');
  });

  it('fails at once when the store cannot be reached, and is built when it is back', async () => {
    let down = true;
    const outage = new FleetError('down', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });
    cache = build({
      readEngineVersion: () => (down ? Promise.reject(outage) : registry.readEngineVersion()),
      openMirror: async (scope, options) => {
        await waitUntil('the store to be back', () => !down);
        return await registry.openMirror(scope, options);
      },
    });
    await expect(cache.acquire()).rejects.toBe(outage);
    down = false;
    await waitUntil('the cache to be built', () => cache.current);
    expect((await cache.acquire()).unitNames.all).toEqual([]);
  });

  it('gives up on a store that does not answer', async () => {
    const never = new Promise<never>(() => undefined);
    cache = build({ readEngineVersion: () => never, openMirror: () => never });
    const waiting = expect(cache.acquire()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await clock.advance(2_001);
    await waiting;
  });

  it('shows nothing old as new while the store is away', async () => {
    const live = new Set<(live: boolean) => void>();
    let isLive = true;
    cache = build({
      openMirror: async (scope, options) => {
        const mirror = await registry.openMirror(scope, options);
        return new Proxy(mirror, {
          get: (target, property): unknown => {
            if (property === 'live') return isLive;
            if (property === 'onLiveness') {
              return (listener: (live: boolean) => void) => {
                live.add(listener);
                return () => live.delete(listener);
              };
            }
            const value: unknown = Reflect.get(target, property, target);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        });
      },
    });
    await cache.acquire();
    isLive = false;
    const failing = expect(cache.acquire()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await clock.advance(2_001);
    await failing;
    const waiting = cache.acquire();
    isLive = true;
    for (const listener of live) listener(true);
    await expect(waiting).resolves.toBe(cache.current);
    expect(live.size).toBe(0);
  });

  it('goes with the reason of a caller that gives up', async () => {
    const never = new Promise<never>(() => undefined);
    cache = build({ readEngineVersion: () => never, openMirror: () => never });
    const controller = new AbortController();
    const waiting = cache.acquire({ signal: controller.signal });
    controller.abort(new Error('the client went away'));
    await expect(waiting).rejects.toThrow('the client went away');
  });

  it('starts nothing after its end', async () => {
    cache.close();
    await expect(cache.acquire()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
