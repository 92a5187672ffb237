import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { TestCluster, TTL_MS } from './testing/cluster.ts';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});
afterEach(() => cluster.close());

describe('dead machines', () => {
  it('places the units of a machine whose lease has ended elsewhere, at once', async () => {
    for (const name of ['m1', 'm2', 'm3']) await cluster.addMachine(name);
    await cluster.startEngine();
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
    await cluster.startEngine();
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
    await cluster.startEngine();
    for (const name of ['a', 'b']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    await cluster.kill('m2');
    await cluster.settle();
    expect(await cluster.placements()).toEqual({ 'a.service': 'm1', 'b.service': 'm1' });
  });

  it('waits one TTL as a new leader before it declares a machine dead that is not there', async () => {
    for (const name of ['m1', 'm2', 'm3']) await cluster.addMachine(name);
    const first = await cluster.startEngine();
    for (const name of ['a', 'b', 'c']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    const before = await cluster.placements();
    await first.abort();
    // The store was away for longer than every lease: all machines are gone, one is back first.
    for (const name of ['m1', 'm2', 'm3']) await cluster.kill(name);
    await cluster.addMachine('m2');
    await cluster.startEngine({ machine: 'm2' as MachineId, sessionId: 'engine-2' });
    await cluster.pass(TTL_MS - 1000);
    expect(await cluster.placements()).toEqual(before);
    await cluster.addMachine('m1');
    await cluster.settle();
    await cluster.pass(2000);
    expect(await cluster.placements()).toEqual({ ...before, 'c.service': expect.stringMatching(/m[12]/) });
  });

  it('still places new units, and lets users stop units of missing machines, while it waits', async () => {
    for (const name of ['m1', 'm2']) await cluster.addMachine(name);
    const first = await cluster.startEngine();
    for (const name of ['a', 'b']) await cluster.createUnit(`${name}.service`);
    await cluster.settle();
    await first.abort();
    await cluster.kill('m2');
    await cluster.startEngine({ sessionId: 'engine-2' });
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
    const engine = await cluster.startEngine({ observer: { onEvacuation: (pause) => pauses.push(pause) } });
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await cluster.reportAll();
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
    const engine = await cluster.startEngine({ observer: { onMachineGone: (machine) => gone.push(machine) } });
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await cluster.reportAll();
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
    const engine = await cluster.startEngine();
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await cluster.reportAll();
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
    const engine = await cluster.startEngine();
    for (let index = 1; index <= 6; index += 1) await cluster.createUnit(`u${index}.service`);
    await cluster.settle();
    await cluster.reportAll();
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
    const engine = await cluster.startEngine();
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
