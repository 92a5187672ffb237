import { describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { hashText } from '@fleet/unit-parser';
import { fleet, onFreshMachine, OTHER, overriding } from './testing/fresh-machine.ts';
import { SLEEP, type TestMachine } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('tasks', () => {
  it.each([
    { title: 'loaded', target: 'loaded' as const, state: { active: 'inactive', asked: 'loaded' }, running: [] },
    { title: 'launched', target: 'launched' as const, state: { active: 'active', asked: 'launched' }, running: ['a.service'] },
  ])('brings a unit to its target: $title', async ({ target, state, running }) => {
    await machine.start();
    await machine.assign('a.service', SLEEP, target);
    expect([...machine.systemd.control.files.keys()]).toEqual(['a.service']);
    expect(machine.systemd.control.running()).toEqual(running);
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ load: 'loaded', ...state, hash: hashText(SLEEP), generation: 1 }) });
  });

  it('takes units that were placed before it came', async () => {
    await machine.assign('a.service');
    await machine.start();
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it('does nothing about units of other machines', async () => {
    await machine.start();
    await machine.assign('a.service', SLEEP, 'launched', 'm2' as MachineId);
    expect(machine.systemd.control.files.size).toBe(0);
    expect(await machine.published()).toEqual({});
  });

  it('stops, starts and unloads as the target changes, and answers with the generation', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.setTarget('a.service', 'loaded');
    expect(machine.systemd.control.running()).toEqual([]);
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ active: 'inactive', asked: 'loaded', generation: 2 }) });
    await machine.setTarget('a.service', 'launched');
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ active: 'active', asked: 'launched', generation: 3 }) });
    await machine.setTarget('a.service', 'inactive');
    expect(machine.systemd.control.files.size).toBe(0);
    expect(await machine.published()).toEqual({});
  });

  it('unloads a unit that is destroyed', async () => {
    const { agent } = await machine.start();
    await machine.assign('a.service');
    await machine.destroy('a.service');
    expect(machine.systemd.control.files.size).toBe(0);
    expect(machine.systemd.control.running()).toEqual([]);
    expect(await machine.published()).toEqual({});
    expect(agent.status().units).toBe(0);
    expect([...machine.memory.asked]).toEqual([]);
  });

  it.each([
    { kind: 'scheduled', bring: () => machine.assign('a.service') },
    { kind: 'global', bring: () => machine.create('a.service', fleet('Global=true')) },
  ])('remembers nothing of a $kind unit that is gone', async ({ bring }) => {
    const reads: string[] = [];
    const readText = machine.users.readText.bind(machine.users);
    await machine.start({
      registry: overriding(machine.users, {
        readText: (hash, options) => {
          reads.push(hash);
          return readText(hash, options);
        },
      }),
    });
    for (let round = 1; round <= 3; round += 1) {
      await bring();
      await machine.settle();
      // For what it asks for, and to write it.
      expect(reads).toHaveLength(2 * round);
      await machine.destroy('a.service');
      expect(machine.systemd.control.running()).toEqual([]);
    }
  });

  it('tells how many units it holds, when they come and when they are gone', async () => {
    const told: number[] = [];
    await machine.start({ observer: { onUnits: (units) => told.push(units) } });
    await machine.assign('a.service');
    await machine.assign('b.service');
    expect(told.at(-1)).toBe(2);
    await machine.destroy('a.service');
    await machine.destroy('b.service');
    expect(told.at(-1)).toBe(0);
  });

  it('replaces a changed text by stopping, unloading, loading and starting', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.replace('a.service', OTHER);
    expect(machine.systemd.control.files.get('a.service')).toBe(OTHER);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(machine.systemd.control.calls('stop', 'a.service')).toBe(1);
    expect(machine.systemd.control.calls('unload', 'a.service')).toBe(1);
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ hash: hashText(OTHER), generation: 2, asked: 'launched' }) });
  });

  it('writes nothing at rest', async () => {
    await machine.start();
    for (const name of ['a', 'b', 'c']) await machine.assign(`${name}.service`);
    await machine.pass(5000);
    const before = await machine.revision();
    await machine.pass(600_000);
    expect(await machine.revision()).toBe(before);
  });

  it('publishes what systemd does with a unit, and leaves it to systemd', async () => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.exit('a.service', 1);
    await machine.settle();
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ active: 'failed', asked: 'launched' }) });
    await machine.pass(300_000);
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
  });

  it('leaves a unit that was stopped by hand stopped', async () => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.stopByHand('a.service');
    await machine.pass(200_000);
    expect(machine.systemd.control.running()).toEqual([]);
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ active: 'inactive', asked: 'launched' }) });
  });
});

describe('global units', () => {
  it('runs those whose metadata fits, and follows the metadata', async () => {
    machine.metadata = { region: 'us' };
    await machine.start();
    await machine.create('g.service', fleet('Global=true\nMachineMetadata=region=eu'));
    await machine.create('all.service', fleet('Global=true'));
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['all.service']);
    await machine.users.changeMetadata([{ machine: machine.id, key: 'region', value: 'eu' }]);
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['all.service', 'g.service']);
    await machine.users.changeMetadata([{ machine: machine.id, key: 'region', value: '' }]);
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['all.service']);
  });

  it('starts no unit while one it conflicts with is still stopping', async () => {
    await machine.start();
    await machine.assign('old.service', fleet('Conflicts=new.service'));
    machine.systemd.control.hangStop('old.service');
    await machine.create('new.service');
    await machine.unplace('old.service');
    await machine.place('new.service');
    await machine.settle();
    expect(machine.systemd.control.state('old.service').active).toBe('deactivating');
    expect(machine.systemd.control.startsOf('new.service')).toBe(0);
    expect((await machine.published())['new.service']?.reason).toMatch(/waits for old.service/);
    machine.systemd.control.release('old.service');
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['new.service']);
    expect((await machine.published())['new.service']?.reason).toBeUndefined();
  });
});
