import { describe, expect, it } from '@jest/globals';
import type { BulkResult } from '@fleet/api';
import { createRegistry, withMetrics, type Registry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger, systemClock } from '@fleet/runtime';
import { startTestServer, TestCluster, type TestServer } from '../testing/index.ts';

const options = (value: string): readonly unknown[] => [{ section: 'Service', name: 'ExecStart', value }];
const text = (value: string): string => `[Service]\nExecStart=${value}\n`;

async function submit(server: TestServer, body: unknown): Promise<BulkResult> {
  return JSON.parse((await server.request('POST', '/fleet/v2/units:submit', body)).body) as BulkResult;
}

describe('a bulk submission', () => {
  it('asks the store for no unit one by one', async () => {
    await using store = createMemoryStore();
    const calls = new Map<string, number>();
    const counted = withMetrics(store, { observe: (operation) => operation !== 'watch' && calls.set(operation, (calls.get(operation) ?? 0) + 1) }, systemClock);
    await using server = await startTestServer({ store: counted });
    const units = Array.from({ length: 300 }, (_, index) => ({ name: `u${index}.service`, options: options(`/bin/${index}`) }));
    expect(await submit(server, { units })).toMatchObject({ ok: true });
    const batches = calls.get('set') ?? 0;
    expect(batches).toBeLessThan(30);

    calls.clear();
    const again = await submit(server, { units });
    expect(new Set(again.results.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    // Conditions of 300 units, 128 at a time.
    expect(Object.fromEntries(calls)).toEqual({ set: 3 });

    calls.clear();
    const replaced = await submit(server, { replace: true, units: units.map(({ name }, index) => ({ name, options: options(`/bin/other ${index}`), desiredState: 'loaded' })) });
    expect(new Set(replaced.results.map(({ outcome, generation }) => `${outcome} ${generation}`))).toEqual(new Set(['replaced 2']));
    expect(calls.get('get') ?? 0).toBe(0);
    expect(calls.get('set')).toBeLessThan(30);
  });

  it.each<[string, string, boolean, readonly { readonly name: string; readonly value: string }[], string]>([
    ['the same unit, made elsewhere', 'new.service', false, [{ name: 'new.service', value: '/bin/a' }], 'unchanged'],
    ['another unit of that name, made elsewhere', 'new.service', false, [{ name: 'new.service', value: '/bin/b' }], 'failed'],
    ['another unit of that name, to be replaced', 'new.service', true, [{ name: 'new.service', value: '/bin/b' }], 'replaced'],
    ['a unit replaced elsewhere by the same file', 'old.service', true, [{ name: 'old.service', value: '/bin/a' }], 'unchanged'],
    ['a unit replaced elsewhere by a third file', 'old.service', true, [{ name: 'old.service', value: '/bin/c' }], 'replaced'],
    ['a unit replaced elsewhere by the same file, not to be replaced here', 'old.service', false, [{ name: 'old.service', value: '/bin/a' }], 'unchanged'],
    ['a unit that was as wanted until it was replaced elsewhere', 'same.service', false, [{ name: 'same.service', value: '/bin/b' }], 'failed'],
    ['a unit that was destroyed elsewhere', 'old.service', true, [], 'created'],
    ['a unit that was as wanted until it was destroyed elsewhere', 'same.service', false, [], 'created'],
  ])('that is overtaken looks again: %s', async (_title, name, replace, elsewhere, outcome) => {
    for (const atomic of [false, true]) {
      await using store = createMemoryStore();
      const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
      const cluster = new TestCluster(registry);
      await cluster.create('old.service', text('/bin/old'));
      await cluster.create('same.service', text('/bin/a'));
      // What another daemon does between this one's look at its cache and its first call to the store.
      let overtaken = false;
      const overtake = async (): Promise<void> => {
        if (overtaken) return;
        overtaken = true;
        if ((await registry.readUnit(name)) !== null) await registry.changeUnit({ kind: 'destroy', name: name as never });
        for (const unit of elsewhere) await cluster.create(unit.name, text(unit.value));
      };
      const overtakenRegistry: Registry = {
        ...registry,
        findStaleUnits: async (...args) => (await overtake(), await registry.findStaleUnits(...args)),
        changeUnits: async (...args) => (await overtake(), await registry.changeUnits(...args)),
      };
      await using server = await startTestServer({ store, registry: overtakenRegistry });
      await server.request('GET', '/fleet/v2/units');
      const { results } = await submit(server, { units: [{ name, options: options('/bin/a') }, { name: 'beside.service', options: options('/bin/beside') }], replace, atomic });
      expect([atomic, results[0]?.outcome, results[1]?.outcome]).toEqual([atomic, outcome, atomic && outcome === 'failed' ? 'not-attempted' : 'created']);
      const stored = (await registry.readUnit(name))?.unit;
      expect(await registry.readText(stored?.hash ?? ('' as never))).toBe(text(outcome === 'failed' ? '/bin/b' : '/bin/a'));
    }
  });

  it('of a unit whose record is damaged fails for that unit alone', async () => {
    await using server = await startTestServer();
    await server.store.transaction({ compare: [], operations: [{ kind: 'put', key: '/_coreos.com/fleet/units/broken.service', value: '{' }] });
    const { results } = await submit(server, { units: ['broken', 'fine'].map((name) => ({ name: `${name}.service`, options: options('/bin/a') })) });
    expect(results).toMatchObject([{ outcome: 'failed', error: { name: 'RECORD_INVALID' } }, { outcome: 'created' }]);
  });
});
