import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isFleetError, keepLease, silentLogger, systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createRegistry } from '../registry.ts';
import type { MirrorBatch, Registry } from '../registry-types.ts';
import { codeOf, failureOf, put } from '../testing/contract-support.ts';
import { describeOnEtcd } from '../testing/describe-on-etcd.ts';
import { createTcpProxy, type TcpProxy } from '../testing/tcp-proxy.ts';
import { createEtcdStore, type EtcdStore } from './index.ts';

const TIMEOUT_MS = 500;
const hash = 'a'.repeat(40) as UnitHash;
const create = (name: string) => ({ kind: 'create' as const, name: name as UnitName, text: 'text', hash, global: false, targetState: 'launched' as const });

describeOnEtcd('etcd that fails', (etcd) => {
  let proxy: TcpProxy;
  let direct: EtcdStore;
  let store: EtcdStore;
  let controller: AbortController;
  beforeEach(async () => {
    controller = new AbortController();
    proxy = await createTcpProxy({ port: etcd().port });
    direct = createEtcdStore({ endpoints: etcd().endpoints });
    store = createEtcdStore({ endpoints: [proxy.address], requestTimeoutMs: TIMEOUT_MS });
    await direct.transaction({ compare: [], operations: [{ kind: 'delete-prefix', prefix: '/' }] });
  });
  afterEach(async () => {
    controller.abort(new Error('test over'));
    await store[Symbol.asyncDispose]();
    await direct[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  const registryOver = (over: EtcdStore): Registry => createRegistry(over, { prefix: '/f/', clock: systemClock, logger: silentLogger });

  it('answers within the deadline when the network swallows everything', async () => {
    await put(store, '/k', 'v');
    proxy.pause();
    const started = performance.now();
    const codes = await Promise.all([codeOf(store.get('/k')), codeOf(store.range({ prefix: '/' })), codeOf(put(store, '/k', 'w')), codeOf(store.grantLease(1_000)), codeOf(store.keepAlive('1')), codeOf(store.revokeLease('1'))]);
    expect(codes).toEqual(Array(6).fill('STORE_TIMEOUT'));
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS * 4);
    proxy.resume();
    await waitUntil('etcd to answer again', async () => (await store.get('/k')).item !== null);
  });

  it('a caller who aborts does not wait for the deadline', async () => {
    await put(store, '/k', 'v');
    proxy.pause();
    const caller = new AbortController();
    const reason = new Error('enough');
    const pending = failureOf(store.get('/k', { signal: caller.signal }));
    caller.abort(reason);
    expect(await pending).toBe(reason);
  });

  it('says unavailable at once when nobody listens, and works again when somebody does', async () => {
    await put(store, '/k', 'v');
    proxy.cut();
    await waitUntil('the failure', async () => (await codeOf(store.get('/k')).catch(() => '')) === 'STORE_UNAVAILABLE');
    proxy.restore();
    await waitUntil('etcd to answer again', async () => (await store.get('/k')).item !== null);
    await put(store, '/k', 'w');
  });

  it('a keepalive after the connection was lost and made again is answered at once', async () => {
    const { id } = await store.grantLease(10_000);
    await store.keepAlive(id);
    proxy.cut();
    expect(await codeOf(store.get('/k'))).toBe('STORE_UNAVAILABLE');
    proxy.restore();
    await waitUntil('etcd to answer again', () => store.get('/k').then(() => true, () => false));
    expect(await store.keepAlive(id)).toEqual({ ttlMs: 10_000 });
  });

  it('a watch notices a peer that is stopped, not closed', async () => {
    const from = (await store.get('/k')).revision + 1;
    const watch = store.watch({ prefix: '/', fromRevision: from }, { signal: controller.signal })[Symbol.asyncIterator]();
    const first = watch.next();
    await put(store, '/k', 'v');
    await first;
    proxy.pause();
    const code = await codeOf(watch.next());
    expect(['STORE_UNAVAILABLE', 'STORE_TIMEOUT']).toContain(code);
  });

  it('calls that time out do not take the watches of the same connection along', async () => {
    const from = (await store.get('/k')).revision + 1;
    const watch = store.watch({ prefix: '/', fromRevision: from }, { signal: controller.signal })[Symbol.asyncIterator]();
    const first = watch.next();
    await put(direct, '/k', '1');
    await first;
    proxy.pause();
    for (let round = 0; round < 3; round += 1) expect(await codeOf(store.get('/k'))).toBe('STORE_TIMEOUT');
    proxy.resume();
    // gRPC drops connections that nobody holds any longer every ten seconds: the watch has to outlive one such round.
    const started = performance.now();
    await waitUntil(
      'the watch to have worked for eleven seconds',
      async () => {
        const next = watch.next();
        const revision = await put(direct, '/k', '2');
        expect(await next).toMatchObject({ value: { revision } });
        return performance.now() - started > 11_000;
      },
      { deadlineMs: 15_000, everyMs: 500 },
    );
  }, 40_000);

  it('a connection whose making hangs for good is given up for another', async () => {
    proxy.pause();
    // Accepted, but etcd never says a word on it, and nothing ends it.
    expect(await codeOf(store.get('/k'))).toBe('STORE_TIMEOUT');
    proxy.lose();
    proxy.resume();
    await waitUntil('an answer', async () => (await codeOf(put(store, '/k', 'v').then(() => Promise.reject(new Error('done'))))) === 'Error: done', { deadlineMs: 10_000 });
    const watch = store.watch({ prefix: '/k', fromRevision: 1 }, { signal: controller.signal })[Symbol.asyncIterator]();
    expect(await watch.next()).toMatchObject({ value: { changes: [{ kind: 'put', item: { key: '/k' } }] } });
  }, 30_000);

  it('a watch that is not confirmed fails by the deadline', async () => {
    await store.get('/k');
    proxy.pause();
    expect(await codeOf(store.watch({ prefix: '/', fromRevision: 1 }, { signal: controller.signal })[Symbol.asyncIterator]().next())).toBe('STORE_TIMEOUT');
  });

  it.each([
    { name: 'connections reset', fail: async () => proxy.cut(), heal: async () => proxy.restore() },
    { name: 'network swallowing packets', fail: async () => proxy.pause(), heal: async () => proxy.resume() },
  ])('a mirror catches up after $name, compaction included', async ({ fail, heal }) => {
    const registry = registryOver(store);
    const other = registryOver(direct);
    await other.changeUnits([create('keep.service'), create('drop.service')], { atomic: true });
    const mirror = await registry.openMirror({ kind: 'cluster' }, { signal: controller.signal });
    const batches: MirrorBatch[] = [];
    mirror.subscribe((batch) => batches.push(batch));
    await fail();
    await waitUntil('the mirror to notice', () => !mirror.live, { deadlineMs: 15_000 });
    expect([...mirror.records('units').keys()]).toEqual(['drop.service', 'keep.service']);
    await other.changeUnit({ kind: 'destroy', name: 'drop.service' as UnitName });
    const { revision } = await other.changeUnit(create('new.service'));
    await direct.compact(revision);
    await heal();
    await mirror.waitForRevision(revision, { signal: AbortSignal.timeout(15_000) });
    expect([...mirror.records('units').keys()].toSorted()).toEqual(['keep.service', 'new.service']);
    expect(batches.some((batch) => batch.relisted)).toBe(true);
    await other.changeUnit(create('later.service'));
    await waitUntil('the mirror to follow live', () => mirror.records('units').has('later.service'));
  }, 40_000);

  it('a process that is stopped (SIGSTOP) costs only time: calls fail by the deadline, and all goes on afterwards', async () => {
    const registry = registryOver(store);
    await registry.changeUnit(create('a.service'));
    const mirror = await registry.openMirror({ kind: 'cluster' }, { signal: controller.signal });
    etcd().pause();
    try {
      expect(await codeOf(registry.changeUnit(create('b.service')))).toBe('STORE_TIMEOUT');
      await waitUntil('the mirror to notice', () => !mirror.live, { deadlineMs: 15_000 });
      expect(mirror.records('units').has('a.service')).toBe(true);
    } finally {
      etcd().resume();
    }
    await waitUntil('the mirror to be live', () => mirror.live, { deadlineMs: 15_000 });
    // Whether the write that timed out took effect is unknown; a second one with the same condition cannot do harm.
    const code = await waitUntil('an answer', async () => (await codeOf(registry.changeUnit(create('b.service')).then(() => Promise.reject(new Error('created'))))) || undefined, { deadlineMs: 15_000 });
    expect(['UNIT_EXISTS', 'Error: created']).toContain(code);
    await waitUntil('the change', () => mirror.records('units').has('b.service'));
  }, 40_000);

  it('a mirror and its store survive kill -9 and restart of etcd', async () => {
    const registry = registryOver(store);
    await registry.changeUnit(create('a.service'));
    const mirror = await registry.openMirror({ kind: 'machine', machine: 'm1' as MachineId }, { signal: controller.signal });
    const cluster = await registry.openMirror({ kind: 'cluster' }, { signal: controller.signal });
    await etcd().kill();
    await waitUntil('the mirrors to notice', () => !mirror.live && !cluster.live, { deadlineMs: 15_000 });
    expect(cluster.records('units').size).toBe(1);
    await etcd().restart();
    await waitUntil('the mirrors to be live', () => mirror.live && cluster.live, { deadlineMs: 15_000 });
    await waitUntil('a write', () => registry.changeUnit(create('b.service')), { deadlineMs: 15_000 });
    await waitUntil('the change', () => cluster.records('units').has('b.service'));
  }, 40_000);

  it('a mirror follows an etcd that was set back to an older state', async () => {
    const registry = registryOver(store);
    for (let index = 0; index < 5; index += 1) await registry.changeUnit(create(`old${index}.service`));
    const mirror = await registry.openMirror({ kind: 'cluster' }, { signal: controller.signal });
    const before = mirror.revision;
    await etcd().restart({ keepData: false });
    const other = registryOver(direct);
    await waitUntil('etcd to be back', () => other.changeUnit(create('fresh.service')), { deadlineMs: 15_000 });
    await waitUntil('the mirror to show the new state', () => mirror.records('units').has('fresh.service') && mirror.records('units').size === 1, { deadlineMs: 15_000 });
    expect(mirror.revision).toBeLessThan(before);
  }, 40_000);

  it('of two campaigners on different connections only one leads, and its fence keeps the other from writing', async () => {
    const registries = [registryOver(store), registryOver(direct)];
    const leases = await Promise.all(registries.map((registry) => registry.grantLease(10_000)));
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.all(registries.map((registry, index) => registry.campaign(`m${index}` as MachineId, `s${index}`, leases[index]!.id)));
      const winners = outcomes.filter((outcome) => outcome !== null);
      expect(winners).toHaveLength(1);
      await registries[0]!.resign(winners[0]!.fence);
      const failure = failureOf(registries[1]!.raiseEngineVersion(1_000 + round, winners[0]!.fence));
      expect(isFleetError(await failure, 'LEADERSHIP_LOST')).toBe(true);
    }
  });

  describe('with several endpoints', () => {
    let second: TcpProxy;
    let both: EtcdStore;
    beforeEach(async () => {
      second = await createTcpProxy({ port: etcd().port });
      both = createEtcdStore({ endpoints: [proxy.address, second.address], requestTimeoutMs: TIMEOUT_MS });
    });
    afterEach(async () => {
      await both[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
    });

    it.each([
      { name: 'refuses', fail: () => proxy.cut() },
      { name: 'is silent', fail: () => proxy.pause() },
    ])('the first call already works when one $name', async ({ fail }) => {
      fail();
      await put(both, '/k', 'v');
      expect((await both.get('/k')).item?.value).toBe('v');
    });

    it('goes on with the other when one goes away, and writes nothing twice', async () => {
      await put(both, '/count', '0');
      let applied = 0;
      for (let index = 0; index < 60; index += 1) {
        if (index === 20) proxy.cut();
        if (index === 40) {
          proxy.restore();
          await new Promise((resolve) => setTimeout(resolve, 0));
          second.cut();
        }
        const { item } = await waitUntil('a read', () => both.get('/count'));
        // Without a condition a repeated write would go unnoticed; here it would fail.
        const next = String(Number(item?.value) + 1);
        try {
          const { succeeded } = await both.transaction({ compare: [{ kind: 'mod-revision', key: '/count', equals: item?.modRevision ?? 0 }], operations: [{ kind: 'put', key: '/count', value: next }] });
          expect(succeeded).toBe(true);
          applied += 1;
        } catch (error) {
          expect(isFleetError(error) && error.kind).toBe('unavailable');
        }
      }
      const value = Number((await direct.get('/count')).item?.value);
      expect(applied).toBeGreaterThan(50);
      expect(value).toBeGreaterThanOrEqual(applied);
    });

    it('a lease of two seconds is kept while the endpoint in use hangs, and other calls leave it too', async () => {
      const patient = createEtcdStore({ endpoints: [proxy.address, second.address] });
      try {
        const { id, ttlMs } = await patient.grantLease(2_000);
        await put(patient, '/k', 'v', id);
        const ends: number[] = [];
        const keeping = failureOf(keepLease({ keepAlive: (options) => patient.keepAlive(id, options), ttlMs, extendedAt: performance.now(), clock: systemClock, signal: controller.signal, onExtended: (endsAtMs) => ends.push(endsAtMs) }));
        await waitUntil('the first keepalive', () => ends.length === 2);
        proxy.pause();
        await waitUntil('more keepalives', () => ends.length === 4);
        const started = performance.now();
        await put(patient, '/other', 'v');
        expect(performance.now() - started).toBeLessThan(1_000);
        await waitUntil('the lease to have lived on', () => ends.length >= 7);
        expect(Math.max(...ends.slice(1).map((end, index) => end - (ends[index] ?? 0)))).toBeLessThan(ttlMs);
        expect((await direct.get('/k')).item?.lease).toBe(id);
        controller.abort(new Error('kept long enough'));
        expect(await keeping).toEqual(new Error('kept long enough'));
      } finally {
        await patient[Symbol.asyncDispose]();
      }
    }, 30_000);

    it('a mirror moves over', async () => {
      const registry = registryOver(both);
      const mirror = await registry.openMirror({ kind: 'cluster' }, { signal: controller.signal });
      const carrier = proxy.connections > 0 ? proxy : second;
      carrier.cut();
      const other = registryOver(direct);
      const { revision } = await other.changeUnit(create('a.service'));
      await mirror.waitForRevision(revision, { signal: AbortSignal.timeout(15_000) });
      expect(mirror.records('units').size).toBe(1);
    });
  });

  describe('watches share a stream', () => {
    const inUse = async (): Promise<{ streams: number; watchers: number }> => {
      const metrics = await (await fetch(`${etcd().endpoints[0] ?? ''}/metrics`)).text();
      const gauge = (name: string): number => Number(new RegExp(`^etcd_debugging_mvcc_${name} (\\d+)`, 'm').exec(metrics)?.[1]);
      return { streams: gauge('watch_stream_total'), watchers: gauge('watcher_total') };
    };

    it('however many mirrors there are, and give it back with the last of them', async () => {
      const before = await inUse();
      const registry = registryOver(store);
      const ending = new AbortController();
      const mirrors = [
        await registry.openMirror({ kind: 'machine', machine: 'm1' as MachineId }, { signal: ending.signal }),
        await registry.openMirror({ kind: 'leader' }, { signal: ending.signal }),
        await registry.openMirror({ kind: 'cluster' }, { signal: controller.signal }),
      ];
      await waitUntil('all watches', async () => (await inUse()).watchers === before.watchers + 7);
      expect((await inUse()).streams).toBe(before.streams + 1);
      ending.abort(new Error('enough'));
      await waitUntil('six watches to end', async () => (await inUse()).watchers === before.watchers + 1);
      const { revision } = await registry.changeUnit(create('a.service'));
      await mirrors[2]?.waitForRevision(revision, { signal: AbortSignal.timeout(5_000) });
      expect(mirrors[2]?.live).toBe(true);
      controller.abort(new Error('enough'));
      await waitUntil('the stream to end', async () => (await inUse()).streams === before.streams);
    });

    it('and one that has to begin anew leaves the others alone', async () => {
      const revision = await put(store, '/a', '1');
      const watch = store.watch({ prefix: '/', fromRevision: revision }, { signal: controller.signal })[Symbol.asyncIterator]();
      expect(await watch.next()).toMatchObject({ value: { revision } });
      const second = await put(store, '/a', '2');
      expect(await watch.next()).toMatchObject({ value: { revision: second } });
      await store.compact(second);
      expect(await codeOf(store.watch({ prefix: '/b', fromRevision: revision }, { signal: controller.signal })[Symbol.asyncIterator]().next())).toBe('STORE_COMPACTED');
      const third = await put(store, '/a', '3');
      expect(await watch.next()).toMatchObject({ value: { revision: third } });
    });
  });

  it('a closed store lets the process end', async () => {
    const child = spawn(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'close-program.ts'), etcd().endpoints[0]!], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    let code: number | null | undefined;
    child.once('close', (exit) => (code = exit));
    try {
      await waitUntil('the program to end', () => code !== undefined, { deadlineMs: 10_000 });
      expect({ code, output }).toEqual({ code: 0, output: 'watch ended with STORE_UNAVAILABLE\n' });
    } finally {
      child.kill('SIGKILL');
    }
  });
});
