import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { createLogger, FleetError } from '@fleet/runtime';
import { TestCluster } from './testing/cluster.ts';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});
afterEach(() => cluster.close());

async function hang(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}

describe('leadership', () => {
  beforeEach(async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
  });

  it('is held by one; the next takes over when the leader resigns', async () => {
    const first = await cluster.startEngine();
    const second = await cluster.startEngine({ machine: 'm2' as MachineId, sessionId: 'engine-2' });
    expect([first.status().leading, second.status().leading]).toEqual([true, false]);
    expect(second.status().leader).toBe('m1');
    await first.abort();
    await cluster.settle();
    expect(second.status()).toMatchObject({ leading: true, leader: 'm2' });
  });

  it('passes on when the lease of the leader ends, without polling in between', async () => {
    const first = await cluster.startEngine({ registry: new Proxy(cluster.registry, { get: (target, key) => (key === 'keepAlive' ? (_lease: string, options: { signal: AbortSignal }) => hang(options.signal) : (Reflect.get(target, key) as unknown)) }) });
    const second = await cluster.startEngine({ machine: 'm2' as MachineId, sessionId: 'engine-2' });
    expect(first.status().leading).toBe(true);
    await cluster.clock.advance(10_000);
    await cluster.settle();
    expect([first.status().leading, second.status().leading]).toEqual([false, true]);
  });

  it('keeps its lease while nothing happens', async () => {
    const engine = await cluster.startEngine();
    const fence = engine.status().fence;
    await cluster.pass(300_000);
    expect(engine.status()).toMatchObject({ leading: true, fence });
  });

  it('two daemons with one machine id do not both lead', async () => {
    const first = await cluster.startEngine();
    const second = await cluster.startEngine({ sessionId: 'engine-2' });
    expect([first.status().leading, second.status().leading]).toEqual([true, false]);
    await cluster.pass(60_000);
    expect([first.status().leading, second.status().leading]).toEqual([true, false]);
  });

  for (const [whose, over, waits] of [
    ['of an earlier process of this machine is ended at once', { isEarlierSession: (session: string) => session === 'engine-1' }, false],
    ['of another daemon with this machine id is left alone', { isEarlierSession: () => false }, true],
    ['of another machine is left alone', { machine: 'm2' as MachineId, isEarlierSession: () => true }, true],
  ] as const) {
    it(`the term ${whose}`, async () => {
      const first = await cluster.startEngine();
      const { fence } = first.status();
      const second = await cluster.startEngine({ sessionId: 'engine-2', ...over });
      await cluster.pass(300);
      expect(second.status().leading).toBe(!waits);
      expect(first.status()).toMatchObject(waits ? { leading: true, fence } : { leading: false });
    });
  }

  it('a leader whose key was taken away stops writing and campaigns again', async () => {
    const engine = await cluster.startEngine();
    const fence = engine.status().fence!;
    await cluster.registry.resign(fence);
    await cluster.settle();
    await cluster.pass(1000);
    expect(engine.status().leading).toBe(true);
    expect(engine.status().fence).toBeGreaterThan(fence);
    await cluster.createUnit('a.service');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1' });
  });

  it('a leader whose write is refused campaigns again, though nobody has told it that its key is gone', async () => {
    let refused = 0;
    const registry = new Proxy(cluster.registry, {
      get: (target, key) => {
        if (key !== 'applyPlacements' || refused > 0) return Reflect.get(target, key) as unknown;
        return () => {
          refused += 1;
          return Promise.reject(new FleetError('leadership has ended', { code: 'LEADERSHIP_LOST', kind: 'conflict' }));
        };
      },
    });
    const engine = await cluster.startEngine({ registry });
    await cluster.createUnit('a.service');
    await cluster.settle();
    await cluster.pass(1000);
    expect(refused).toBe(1);
    expect(engine.status().leading).toBe(true);
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1' });
  });

  it.each([
    { title: 'is no JSON', value: 'who leads?' },
    { title: 'lacks the machine', value: '{"sessionId":"engine-9"}' },
  ])('a leader record that $title is waited for, said once, and followed by a campaign when it is gone', async ({ value }) => {
    const key = '/_coreos.com/fleet/engine/leader';
    await cluster.store.transaction({ compare: [], operations: [{ kind: 'put', key, value }] });
    let campaigns = 0;
    const lines: string[] = [];
    const registry = new Proxy(cluster.registry, {
      get: (target, name) => {
        if (name === 'grantLease') campaigns += 1;
        return Reflect.get(target, name) as unknown;
      },
    });
    const engine = await cluster.startEngine({ registry, logger: createLogger({ level: () => 'info', format: 'json', write: (line) => lines.push(line) }) });
    await cluster.pass(60_000);
    expect({ campaigns, ...engine.status() }).toMatchObject({ campaigns: 0, leading: false, leader: null });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringMatching(/^leader record cannot be read/) as unknown, error: expect.stringContaining(key) as unknown, remedy: expect.stringContaining('delete it') as unknown }),
    ]);

    await cluster.store.transaction({ compare: [], operations: [{ kind: 'delete', key }] });
    await cluster.settle();
    await cluster.pass(1000);
    expect(engine.status()).toMatchObject({ leading: true, leader: 'm1' });
  });

  it('a leader whose record somebody damages goes on: the key is still its own', async () => {
    const engine = await cluster.startEngine();
    const { fence } = engine.status();
    const { item } = await cluster.store.get('/_coreos.com/fleet/engine/leader');
    await cluster.store.transaction({ compare: [], operations: [{ kind: 'put', key: '/_coreos.com/fleet/engine/leader', value: 'who leads?', lease: item?.lease ?? undefined }] });
    await cluster.createUnit('a.service');
    await cluster.pass(60_000);
    expect(engine.status()).toMatchObject({ leading: true, fence });
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1' });
  });

  it('a leader that waits for a write which the store has lost ends its term and campaigns again', async () => {
    let lost = 0;
    const registry = new Proxy(cluster.registry, {
      get: (target, key) => {
        if (key !== 'applyPlacements' || lost > 0) return Reflect.get(target, key) as unknown;
        return async () => {
          lost += 1;
          // Answered, and gone with the state of the store that was replaced by an older one.
          return await Promise.resolve({ rejected: [], revision: 1_000_000 });
        };
      },
    });
    const engine = await cluster.startEngine({ registry });
    const fence = engine.status().fence!;
    await cluster.createUnit('a.service');
    await cluster.pass(2000);
    expect({ lost, fence: engine.status().fence! > fence, placements: await cluster.placements() }).toEqual({ lost: 1, fence: true, placements: { 'a.service': 'm1' } });
  });

  it('raises the engine version of the cluster, and an older engine does not lead after it', async () => {
    const engine = await cluster.startEngine({ version: 2 });
    expect(await cluster.registry.readEngineVersion()).toBe(2);
    await engine.abort();
    const older = await cluster.startEngine({ sessionId: 'engine-old', version: 1 });
    await cluster.pass(120_000);
    expect(older.status()).toMatchObject({ leading: false, leader: null });
    const newer = await cluster.startEngine({ sessionId: 'engine-new', version: 3 });
    expect(newer.status().leading).toBe(true);
    expect(await cluster.registry.readEngineVersion()).toBe(3);
  });

  it('a leader that meets a higher engine version resigns', async () => {
    const engine = await cluster.startEngine({ version: 1, versionCheckMs: 5000 });
    await cluster.registry.raiseEngineVersion(7, engine.status().fence!);
    await cluster.pass(6000);
    expect(engine.status()).toMatchObject({ leading: false, leader: null });
  });
});
