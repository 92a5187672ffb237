import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRegistry } from '@fleet/registry';
import { silentLogger } from '@fleet/runtime';
import { TestCluster, withFleet } from './testing/cluster.ts';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});
afterEach(() => cluster.close());

const global = '[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nGlobal=true\n';

describe('scheduling', () => {
  beforeEach(async () => {
    for (const name of ['m1', 'm2', 'm3']) await cluster.addMachine(name, { region: name === 'm3' ? 'eu' : 'us' });
  });

  it('places units that are there before it, and units that come while it leads', async () => {
    await cluster.createUnit('a.service');
    const engine = await cluster.startEngine();
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
    await cluster.startEngine();
    expect(await cluster.placements()).toEqual(expected);
  });

  it('keeps with a placement why the unit is there, and why it left its last machine', async () => {
    await cluster.startEngine();
    await cluster.createUnit('a.service', withFleet('MachineMetadata=region=us'));
    await cluster.settle();
    const reason = async (): Promise<string | undefined> => (await cluster.registry.readUnit('a.service'))?.placement?.reason;
    expect(await reason()).toBe('target state launched and unit not scheduled');
    await cluster.reportAll();
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
    await cluster.startEngine();
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
    const first = await cluster.startEngine();
    await cluster.createUnit('a.service', withFleet('MachineMetadata=region=asia'));
    await cluster.settle();
    await first.abort();
    await cluster.registry.changeMetadata([{ machine: 'm2', key: 'region', value: 'asia' }]);
    await cluster.startEngine({ sessionId: 'engine-2' });
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
    expect(await cluster.pending()).toEqual({});
  });

  it('keeps the histories of units short', async () => {
    await cluster.startEngine({ upkeepMs: 10_000 });
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
    await cluster.startEngine({ upkeepMs: 10_000, registry: createRegistry(cluster.store, { clock: cluster.clock, logger: silentLogger }) });
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
  /** `a.service` runs where the disk is: on m1 at first. */
  const createOnDisk = async (): Promise<void> => {
    await cluster.registry.changeMetadata([{ machine: 'm1', key: 'disk', value: 'ssd' }]);
    await cluster.createUnit('a.service', withFleet('MachineMetadata=disk=ssd'));
    await cluster.settle();
  };
  const moveDisk = async (): Promise<void> => {
    await cluster.registry.changeMetadata([
      { machine: 'm1', key: 'disk', value: '' },
      { machine: 'm2', key: 'disk', value: 'ssd' },
    ]);
    await cluster.settle();
  };

  it('places a unit elsewhere only when the machine that had it reports it gone', async () => {
    await cluster.startEngine();
    await createOnDisk();
    await cluster.report('m1', 'a.service');
    await moveDisk();
    expect(await cluster.placements()).toEqual({});
    await cluster.pass(20_000);
    expect(await cluster.placements()).toEqual({});
    await cluster.unreport('m1', 'a.service');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
    expect(await cluster.pending()).toEqual({});
  });

  it('gives a machine that has not reported the unit yet a moment to do so', async () => {
    await cluster.startEngine({ settleMs: 1000 });
    await createOnDisk();
    await moveDisk();
    expect(await cluster.placements()).toEqual({});
    await cluster.pass(1000);
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
  });

  it('places it elsewhere when the lease of the machine that holds it ends', async () => {
    await cluster.startEngine();
    await createOnDisk();
    await cluster.report('m1', 'a.service');
    await moveDisk();
    await cluster.kill('m1');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm2' });
  });

  it('moves nothing when a machine joins or comes back', async () => {
    await cluster.startEngine();
    for (const name of ['a', 'b', 'c', 'd']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    const before = await cluster.placements();
    await cluster.addMachine('m0');
    await cluster.settle();
    expect(await cluster.placements()).toEqual(before);
  });
});
