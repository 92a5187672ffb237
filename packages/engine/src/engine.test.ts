import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { createRegistry } from '@fleet/registry';
import { FleetError, silentLogger } from '@fleet/runtime';
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import { TestCluster, TTL_MS } from './testing/cluster.ts';

let cluster: TestCluster;
const running: { abort: () => Promise<void> }[] = [];

beforeEach(() => {
  cluster = new TestCluster();
});

afterEach(async () => {
  for (const engine of running.splice(0)) await engine.abort();
  await cluster.close();
});

async function startEngine(over: Partial<EngineOptions> = {}): Promise<Engine & { abort: () => Promise<void> }> {
  const engine = createEngine({
    registry: cluster.registry,
    machine: 'm1' as MachineId,
    sessionId: 'engine-1',
    clock: cluster.clock,
    logger: silentLogger,
    agentTtlMs: TTL_MS,
    random: () => 0,
    ...over,
  });
  const controller = new AbortController();
  const done = engine.run(controller.signal).catch((error: unknown) => error);
  const abort = async (): Promise<void> => {
    controller.abort(new Error('stopped'));
    await cluster.settle();
    await done;
  };
  running.push({ abort });
  await cluster.settle();
  return Object.assign(engine, { abort });
}

async function hang(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}

async function reportAll(): Promise<void> {
  for (const [unit, machine] of Object.entries(await cluster.placements())) await cluster.report(machine, unit);
  await cluster.settle();
}

const global = '[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nGlobal=true\n';
const withFleet = (option: string): string => `[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\n${option}\n`;

describe('scheduling', () => {
  beforeEach(async () => {
    for (const name of ['m1', 'm2', 'm3']) await cluster.addMachine(name, { region: name === 'm3' ? 'eu' : 'us' });
  });

  it('places units that are there before it, and units that come while it leads', async () => {
    await cluster.createUnit('a.service');
    const engine = await startEngine();
    expect(engine.status()).toMatchObject({ leading: true, leader: 'm1' });
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1' });
    await cluster.createUnit('b.service');
    await cluster.createUnit('quiet.service', undefined, 'inactive');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm2' });
  });

  it.each([
    { title: 'metadata', units: { 'a.service': withFleet('MachineMetadata=region=eu') }, expected: { 'a.service': 'm3' } },
    { title: 'machine id', units: { 'a.service': withFleet('MachineID=m2') }, expected: { 'a.service': 'm2' } },
    {
      title: 'apart',
      units: { 'c@1.service': withFleet('Conflicts=c@*.service'), 'c@2.service': withFleet('Conflicts=c@*.service'), 'c@3.service': withFleet('Conflicts=c@*.service') },
      expected: { 'c@1.service': 'm1', 'c@2.service': 'm2', 'c@3.service': 'm3' },
    },
    { title: 'together', units: { 'f.service': withFleet('MachineOf=t.service'), 't.service': withFleet('MachineID=m3') }, expected: { 'f.service': 'm3', 't.service': 'm3' } },
    { title: 'global units are left to the agents', units: { 'g.service': global }, expected: {} },
  ])('follows requirements: $title', async ({ units, expected }) => {
    for (const [name, text] of Object.entries(units)) await cluster.createUnit(name, text);
    await startEngine();
    expect(await cluster.placements()).toEqual(expected);
  });

  it('keeps with a placement why the unit is there, and why it left its last machine', async () => {
    await startEngine();
    await cluster.createUnit('a.service', withFleet('MachineMetadata=region=us'));
    await cluster.settle();
    const reason = async (): Promise<string | undefined> => (await cluster.registry.readUnit('a.service'))?.placement?.reason;
    expect(await reason()).toBe('target state launched and unit not scheduled');
    await reportAll();
    await cluster.registry.changeMetadata([{ machine: 'm1', key: 'region', value: 'asia' }]);
    await cluster.settle();
    await cluster.unreport('m1', 'a.service');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
    const why = 'target Machine(m1) unable to run unit: local Machine metadata insufficient';
    expect(await reason()).toBe(`target state launched and unit not scheduled; it was on m1: ${why}`);
    expect((await cluster.registry.readHistory('a.service', { limit: 3 })).map(({ kind, machine, reason: told }) => [kind, machine, told])).toEqual([
      ['placed', 'm1', 'target state launched and unit not scheduled'],
      ['unplaced', 'm1', why],
      ['placed', 'm2', `target state launched and unit not scheduled; it was on m1: ${why}`],
    ]);
  });

  it('says why a unit has no machine, only when that changes, and clears it', async () => {
    await startEngine();
    await cluster.createUnit('a.service', withFleet('MachineMetadata=region=asia'));
    await cluster.settle();
    const pending = await cluster.pending();
    expect(pending['a.service']).toMatch(/^0 of 3 machines/);
    const { revision } = await cluster.store.get('x');
    await cluster.pass(60_000);
    expect((await cluster.store.get('x')).revision).toBe(revision);
    await cluster.registry.changeMetadata([{ machine: 'm2', key: 'region', value: 'asia' }]);
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
    expect(await cluster.pending()).toEqual({});
  });

  it('clears reasons that an earlier leader left behind', async () => {
    const first = await startEngine();
    await cluster.createUnit('a.service', withFleet('MachineMetadata=region=asia'));
    await cluster.settle();
    await first.abort();
    await cluster.registry.changeMetadata([{ machine: 'm2', key: 'region', value: 'asia' }]);
    await startEngine({ sessionId: 'engine-2' });
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
    expect(await cluster.pending()).toEqual({});
  });

  it('keeps the histories of units short', async () => {
    await startEngine({ upkeepMs: 10_000 });
    await cluster.createUnit('a.service');
    for (let round = 0; round < 12; round += 1) {
      await cluster.settle();
      await cluster.setTarget('a.service', 'inactive');
      await cluster.setTarget('a.service', 'launched');
    }
    await cluster.settle();
    const entries = async (): Promise<number> => (await cluster.registry.readHistory('a.service', { limit: 100 })).length;
    expect(await entries()).toBe(38);
    await cluster.pass(10_000);
    expect(await entries()).toBe(20);
  });

  it('leaves a unit whose text is missing as it is, and goes on with the others', async () => {
    await cluster.createUnit('a.service');
    await cluster.createUnit('b.service', withFleet('MachineID=m2'));
    const { items } = await cluster.store.range({ prefix: '/_coreos.com/fleet/files/' });
    const lost = items.find((item) => item.value.includes('MachineID'))!;
    await cluster.store.transaction({ compare: [], operations: [{ kind: 'delete', key: lost.key }] });
    // A registry of its own: the one that wrote the text remembers it.
    await startEngine({ upkeepMs: 10_000, registry: createRegistry(cluster.store, { clock: cluster.clock, logger: silentLogger }) });
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1' });
    await cluster.store.transaction({ compare: [], operations: [{ kind: 'put', key: lost.key, value: lost.value }] });
    await cluster.pass(10_000);
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm2' });
  });
});

describe('moves', () => {
  beforeEach(async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
  });

  it('places a unit elsewhere only when the machine that had it reports it gone', async () => {
    await startEngine();
    await cluster.registry.changeMetadata([{ machine: 'm1', key: 'disk', value: 'ssd' }]);
    await cluster.createUnit('a.service', withFleet('MachineMetadata=disk=ssd'));
    await cluster.settle();
    await cluster.report('m1', 'a.service');
    await cluster.registry.changeMetadata([
      { machine: 'm1', key: 'disk', value: '' },
      { machine: 'm2', key: 'disk', value: 'ssd' },
    ]);
    await cluster.settle();
    expect(await cluster.placements()).toEqual({});
    await cluster.pass(20_000);
    expect(await cluster.placements()).toEqual({});
    await cluster.unreport('m1', 'a.service');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
    expect(await cluster.pending()).toEqual({});
  });

  it('gives a machine that has not reported the unit yet a moment to do so', async () => {
    await startEngine({ settleMs: 1000 });
    await cluster.registry.changeMetadata([{ machine: 'm1', key: 'disk', value: 'ssd' }]);
    await cluster.createUnit('a.service', withFleet('MachineMetadata=disk=ssd'));
    await cluster.settle();
    await cluster.registry.changeMetadata([
      { machine: 'm1', key: 'disk', value: '' },
      { machine: 'm2', key: 'disk', value: 'ssd' },
    ]);
    await cluster.settle();
    expect(await cluster.placements()).toEqual({});
    await cluster.pass(1000);
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
  });

  it('places it elsewhere when the lease of the machine that holds it ends', async () => {
    await startEngine();
    await cluster.registry.changeMetadata([{ machine: 'm1', key: 'disk', value: 'ssd' }]);
    await cluster.createUnit('a.service', withFleet('MachineMetadata=disk=ssd'));
    await cluster.settle();
    await cluster.report('m1', 'a.service');
    await cluster.registry.changeMetadata([
      { machine: 'm1', key: 'disk', value: '' },
      { machine: 'm2', key: 'disk', value: 'ssd' },
    ]);
    await cluster.settle();
    await cluster.kill('m1');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
  });

  it('moves nothing when a machine joins or comes back', async () => {
    await startEngine();
    for (const name of ['a', 'b', 'c', 'd']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    const before = await cluster.placements();
    await cluster.addMachine('m0');
    await cluster.settle();
    expect(await cluster.placements()).toEqual(before);
  });
});

describe('dead machines', () => {
  it('places the units of a machine whose lease has ended elsewhere, at once', async () => {
    for (const name of ['m1', 'm2', 'm3']) await cluster.addMachine(name);
    await startEngine();
    for (const name of ['a', 'b', 'c']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm2', 'c.service': 'm3' });
    await cluster.report('m2', 'b.service');
    await cluster.kill('m2');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm1', 'c.service': 'm3' });
  });

  it('moves nothing when the key of a machine is deleted by hand: its states are still there, so its lease is too', async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
    await startEngine();
    for (const name of ['a', 'b']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    const before = await cluster.placements();
    await cluster.report('m2', 'b.service');
    await cluster.store.transaction({ compare: [], operations: [{ kind: 'delete', key: '/_coreos.com/fleet/machines/m2' }] });
    await cluster.settle();
    expect(await cluster.placements()).toEqual(before);
    await cluster.kill('m2');
    await cluster.pass(TTL_MS);
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm1' });
  });

  it('fails over from one of two machines', async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
    await startEngine();
    for (const name of ['a', 'b']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    await cluster.kill('m2');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm1' });
  });

  it('waits one TTL as a new leader before it declares a machine dead that is not there', async () => {
    for (const name of ['m1', 'm2', 'm3']) await cluster.addMachine(name);
    const first = await startEngine();
    for (const name of ['a', 'b', 'c']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    const before = await cluster.placements();
    await first.abort();
    // The store was away for longer than every lease: all machines are gone, one is back first.
    for (const name of ['m1', 'm2', 'm3']) await cluster.kill(name);
    await cluster.addMachine('m2');
    await startEngine({ machine: 'm2' as MachineId, sessionId: 'engine-2' });
    await cluster.pass(TTL_MS - 1000);
    expect(await cluster.placements()).toEqual(before);
    await cluster.addMachine('m1');
    await cluster.settle();
    await cluster.pass(2000);
    expect(await cluster.placements()).toEqual({ ...before, 'c.service': expect.stringMatching(/m[12]/) });
  });

  it('still places new units, and lets users stop units of missing machines, while it waits', async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
    const first = await startEngine();
    for (const name of ['a', 'b']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    await first.abort();
    await cluster.kill('m2');
    await startEngine({ sessionId: 'engine-2' });
    await cluster.createUnit('new.service');
    await cluster.setTarget('b.service', 'inactive');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'new.service': 'm1' });
    await cluster.setTarget('b.service', 'launched');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'new.service': 'm1', 'b.service': 'm1' });
  });

  it('pauses evacuation when too many vanish at once, and goes on when they are back', async () => {
    for (let index = 1; index <= 6; index += 1) await cluster.addMachine(`m${index}`);
    const pauses: unknown[] = [];
    const engine = await startEngine({ observer: { onEvacuation: (pause) => pauses.push(pause) } });
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await reportAll();
    const before = await cluster.placements();
    expect(Object.keys(before)).toHaveLength(6);
    // All at once, as when a switch fails: a TTL may pass between the first and the last.
    await Promise.all(['m4', 'm5', 'm6'].map((name) => cluster.kill(name)));
    await cluster.settle();
    await cluster.pass(120_000);
    expect(engine.status().evacuationPause).toMatchObject({ vanished: 3, known: 6 });
    const held = engine.status().evacuationPause?.held ?? [];
    const now = await cluster.placements();
    for (const [unit, machine] of Object.entries(before)) if (held.includes(machine as MachineId)) expect(now[unit]).toBe(machine);
    expect(held).toContain('m6');
    for (const name of ['m4', 'm5', 'm6']) await cluster.addMachine(name);
    await cluster.settle();
    expect(engine.status().evacuationPause).toBeNull();
    expect((await cluster.placements())['u6.service']).toBe('m6');
    expect(pauses.at(-1)).toBeNull();
  });

  it('pauses before the first of many leases has its units moved, though they end one after the other', async () => {
    for (let index = 1; index <= 6; index += 1) await cluster.addMachine(`m${index}`);
    const gone: string[] = [];
    const engine = await startEngine({ observer: { onMachineGone: (machine) => gone.push(machine) } });
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await reportAll();
    const before = await cluster.placements();
    // Cut off within a third of a TTL of their last sign of life.
    for (const name of ['m4', 'm5', 'm6']) {
      cluster.machine(name).alive = false;
      await cluster.pass(5_000);
    }
    await cluster.pass(15_000);
    expect(await cluster.registry.openMirror({ kind: 'cluster' }, { signal: cluster.signal }).then((mirror) => mirror.records('machines').size)).toBe(5);
    expect(engine.status().evacuationPause).toMatchObject({ held: ['m4'], vanished: 3, known: 6 });
    await cluster.pass(60_000);
    expect(engine.status().evacuationPause).toMatchObject({ held: ['m4', 'm5', 'm6'], vanished: 3, known: 6 });
    expect(await cluster.placements()).toEqual(before);
    expect(gone).toEqual([]);
  });

  it('does not wait for machines that were silent and are heard of again', async () => {
    for (let index = 1; index <= 6; index += 1) await cluster.addMachine(`m${index}`);
    const engine = await startEngine();
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await reportAll();
    expect(Object.values(await cluster.placements())).toContain('m4');
    for (const name of ['m4', 'm5', 'm6']) cluster.machine(name).alive = false;
    await cluster.pass(10_000);
    for (const name of ['m5', 'm6']) cluster.machine(name).alive = true;
    await cluster.pass(20_000);
    expect(engine.status().evacuationPause).toBeNull();
    expect(Object.values(await cluster.placements())).not.toContain('m4');
  });

  it('goes on with a paused evacuation when an operator confirms', async () => {
    for (let index = 1; index <= 6; index += 1) await cluster.addMachine(`m${index}`);
    const engine = await startEngine();
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await reportAll();
    expect(engine.confirmEvacuation()).toBe(false);
    await Promise.all(['m4', 'm5', 'm6'].map((name) => cluster.kill(name)));
    await cluster.settle();
    expect(engine.confirmEvacuation()).toBe(true);
    await cluster.settle();
    expect(engine.status().evacuationPause).toBeNull();
    for (const machine of Object.values(await cluster.placements())) expect(['m1', 'm2', 'm3']).toContain(machine);
  });

  it('evacuates machines that leave in good order at once, however many', async () => {
    for (let index = 1; index <= 6; index += 1) await cluster.addMachine(`m${index}`);
    const engine = await startEngine();
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    for (const name of ['m3', 'm4', 'm5', 'm6']) {
      const machine = cluster.machine(name);
      machine.alive = false;
      await cluster.registry.removeMachine(machine.id, machine.sessionId);
    }
    await cluster.settle();
    expect(engine.status().evacuationPause).toBeNull();
    for (const machine of Object.values(await cluster.placements())) expect(['m1', 'm2']).toContain(machine);
  });
});

describe('leadership', () => {
  beforeEach(async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
  });

  it('is held by one; the next takes over when the leader resigns', async () => {
    const first = await startEngine();
    const second = await startEngine({ machine: 'm2' as MachineId, sessionId: 'engine-2' });
    expect([first.status().leading, second.status().leading]).toEqual([true, false]);
    expect(second.status().leader).toBe('m1');
    await first.abort();
    await cluster.settle();
    expect(second.status()).toMatchObject({ leading: true, leader: 'm2' });
  });

  it('passes on when the lease of the leader ends, without polling in between', async () => {
    const first = await startEngine({ registry: new Proxy(cluster.registry, { get: (target, key) => (key === 'keepAlive' ? (_lease: string, options: { signal: AbortSignal }) => hang(options.signal) : (Reflect.get(target, key) as unknown)) }) });
    const second = await startEngine({ machine: 'm2' as MachineId, sessionId: 'engine-2' });
    expect(first.status().leading).toBe(true);
    await cluster.clock.advance(10_000);
    await cluster.settle();
    expect([first.status().leading, second.status().leading]).toEqual([false, true]);
  });

  it('keeps its lease while nothing happens', async () => {
    const engine = await startEngine();
    const fence = engine.status().fence;
    await cluster.pass(300_000);
    expect(engine.status()).toMatchObject({ leading: true, fence });
  });

  it('two daemons with one machine id do not both lead', async () => {
    const first = await startEngine();
    const second = await startEngine({ sessionId: 'engine-2' });
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
      const first = await startEngine();
      const { fence } = first.status();
      const second = await startEngine({ sessionId: 'engine-2', ...over });
      await cluster.pass(300);
      expect(second.status().leading).toBe(!waits);
      expect(first.status()).toMatchObject(waits ? { leading: true, fence } : { leading: false });
    });
  }

  it('a leader whose key was taken away stops writing and campaigns again', async () => {
    const engine = await startEngine();
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
    const engine = await startEngine({ registry });
    await cluster.createUnit('a.service');
    await cluster.settle();
    await cluster.pass(1000);
    expect(refused).toBe(1);
    expect(engine.status().leading).toBe(true);
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1' });
  });

  it('raises the engine version of the cluster, and an older engine does not lead after it', async () => {
    const engine = await startEngine({ version: 2 });
    expect(await cluster.registry.readEngineVersion()).toBe(2);
    await engine.abort();
    const older = await startEngine({ sessionId: 'engine-old', version: 1 });
    await cluster.pass(120_000);
    expect(older.status()).toMatchObject({ leading: false, leader: null });
    const newer = await startEngine({ sessionId: 'engine-new', version: 3 });
    expect(newer.status().leading).toBe(true);
    expect(await cluster.registry.readEngineVersion()).toBe(3);
  });

  it('a leader that meets a higher engine version resigns', async () => {
    const engine = await startEngine({ version: 1, versionCheckMs: 5000 });
    await cluster.registry.raiseEngineVersion(7, engine.status().fence!);
    await cluster.pass(6000);
    expect(engine.status()).toMatchObject({ leading: false, leader: null });
  });
});
