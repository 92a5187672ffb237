import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { silentLogger, systemClock } from '@fleet/runtime';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createRegistry } from '../src/registry.ts';
import { createEmbeddedStore, createMemoryStore } from '../src/embedded/index.ts';
import { createEtcdStore } from '../src/etcd/index.ts';
import type { Registry, UnitChange } from '../src/registry-types.ts';
import type { Store } from '../src/store.ts';
import { hasEtcd, startTestEtcd } from '../src/testing/test-etcd.ts';

// `npm run bench`: what the stores and the registry do per second, beside the floor: a plain etcd client's puts to the same
// etcd in the same run. etcd runs without fsync here, as in the tests; the embedded file store flushes each commit.

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 1.5);
const hash = 'a'.repeat(40) as UnitHash;
const value = 'v'.repeat(200);

/** Runs `work` with so many in flight for a while; returns how many ended per second. */
async function rate(inFlight: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const started = performance.now();
  const end = started + SECONDS * 1_000;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < end) await work(next++);
    }),
  );
  return (next * 1_000) / (performance.now() - started);
}

function report(name: string, ...columns: readonly (readonly [string, number, string])[]): void {
  console.log(`${name.padEnd(34)} ${columns.map(([label, number, unit]) => `${label} ${number >= 100 ? Math.round(number).toLocaleString('en') : number.toFixed(2)} ${unit}`).join('   ')}`);
}

async function measure(name: string, store: Store): Promise<void> {
  const put = (index: number): Promise<unknown> => store.transaction({ compare: [], operations: [{ kind: 'put', key: `/bench/${index % 10_000}`, value }] });
  const batch = (index: number): Promise<unknown> => store.transaction({ compare: [], operations: Array.from({ length: 100 }, (_, item) => ({ kind: 'put', key: `/batch/${(index * 100 + item) % 50_000}`, value })) });
  report(`${name}: puts`, ['one by one', await rate(1, put), '/s'], ['64 in flight', await rate(64, put), '/s']);
  report(`${name}: 100 puts a transaction`, ['4 in flight', (await rate(4, batch)) * 100, 'puts/s']);
  report(`${name}: gets`, ['one by one', await rate(1, (index) => store.get(`/bench/${index % 1_000}`)), '/s'], ['64 in flight', await rate(64, (index) => store.get(`/bench/${index % 1_000}`)), '/s']);
  report(`${name}: put to watch`, ['p50', await watchDelay(store), 'ms']);
  await measureRegistry(name, store);
}

async function watchDelay(store: Store): Promise<number> {
  const { revision } = await store.get('/delay');
  const stop = new AbortController();
  const watch = store.watch({ prefix: '/delay', fromRevision: revision + 1 }, { signal: stop.signal })[Symbol.asyncIterator]();
  const delays: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const next = watch.next();
    const started = performance.now();
    await store.transaction({ compare: [], operations: [{ kind: 'put', key: '/delay', value: '' }] });
    await next;
    delays.push(performance.now() - started);
  }
  stop.abort();
  await watch.next().catch(() => undefined);
  return delays.toSorted((a, b) => a - b)[50] ?? 0;
}

async function measureRegistry(name: string, store: Store): Promise<void> {
  const registry = createRegistry(store, { prefix: '/fleet/', clock: systemClock, logger: silentLogger });
  const count = 10_000;
  const create = (index: number): UnitChange => ({ kind: 'create', name: `u${index}.service` as UnitName, text: 'text', hash, global: false, targetState: 'launched' });
  report(`${name}: units created`, ['bulk', count / (await seconds(() => registry.changeUnits(Array.from({ length: count }, (_, index) => create(index)), { atomic: false }))), '/s']);
  report(`${name}: unit started or stopped`, ['16 in flight', await rate(16, (index) => registry.changeUnit({ kind: 'target', name: `u${index % count}.service` as UnitName, targetState: (index / count) & 1 ? 'launched' : 'loaded' })), '/s']);
  await measureMirror(name, registry, count);
}

async function measureMirror(name: string, registry: Registry, count: number): Promise<void> {
  const stop = new AbortController();
  const started = performance.now();
  const mirror = await registry.openMirror({ kind: 'cluster' }, { signal: stop.signal });
  report(`${name}: mirror of ${count} units`, ['opened in', performance.now() - started, 'ms']);
  const lease = await registry.grantLease(60_000);
  const machine = 'm1' as MachineId;
  const { fence } = (await registry.campaign(machine, 'bench', lease.id)) ?? { fence: 0 };
  const changes = [...mirror.records('units').values()].map((unit) => ({ kind: 'place' as const, unit: unit.name, machine, hash: unit.hash, targetState: 'launched' as const, generation: unit.generation, expectUnit: unit.revision }));
  let revision = 0;
  const took = await seconds(async () => {
    ({ revision } = await registry.applyPlacements(changes, fence));
    await mirror.waitForRevision(revision, { signal: AbortSignal.timeout(60_000) });
  });
  report(`${name}: placements`, ['written and seen', changes.length / took, '/s']);
  stop.abort();
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1_000;
}

{
  await using store = createMemoryStore();
  await measure('memory', store);
}
const directory = mkdtempSync(join(tmpdir(), 'fleet-bench-'));
{
  await using store = createEmbeddedStore({ path: join(directory, 'registry.db') });
  await measure('embedded file', store);
}
rmSync(directory, { recursive: true });
if (hasEtcd()) {
  await using etcd = await startTestEtcd();
  const plain = new Etcd3({ hosts: [...etcd.endpoints] });
  const put = async (index: number): Promise<unknown> => plain.put(`/plain/${index % 10_000}`).value(value);
  report('floor: plain etcd client, puts', ['one by one', await rate(1, put), '/s'], ['64 in flight', await rate(64, put), '/s']);
  plain.close();
  await using store = createEtcdStore({ endpoints: etcd.endpoints });
  await measure('etcd', store);
} else {
  console.log('etcd: not installed, not measured');
}
