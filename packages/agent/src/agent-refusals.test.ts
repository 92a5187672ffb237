import { describe, expect, it, jest } from '@jest/globals';
import { onFreshMachine } from './testing/fresh-machine.ts';
import { SLEEP, type TestMachine } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('refusals', () => {
  it('tries a refused start again, says why meanwhile, and holds up nobody', async () => {
    await machine.start();
    await machine.create('a.service');
    await machine.assign('b.service');
    machine.systemd.control.refuseStart('a.service', 'Unit a.service has a bad setting');
    await machine.place('a.service');
    await machine.assign('c.service');
    expect(machine.systemd.control.running()).toEqual(['b.service', 'c.service']);
    expect((await machine.published())['a.service']).toMatchObject({ asked: 'loaded', active: 'inactive', generation: 1, reason: expect.stringContaining('has a bad setting') });
    machine.systemd.control.refuseStart('a.service', undefined);
    await machine.pass(120_000);
    expect(machine.systemd.control.running()).toEqual(['a.service', 'b.service', 'c.service']);
    expect((await machine.published())['a.service']).not.toHaveProperty('reason');
  });

  it('tries a refused load again with growing delays', async () => {
    await machine.start();
    machine.systemd.control.refuseLoad('a.service', 'the [Install] section cannot be enabled');
    await machine.assign('a.service');
    await machine.pass(600_000);
    expect(machine.systemd.control.calls('load', 'a.service')).toBeLessThan(25);
    expect((await machine.published())['a.service']).toMatchObject({ generation: 1, reason: expect.stringContaining('[Install]') });
    machine.systemd.control.refuseLoad('a.service', undefined);
    await machine.pass(61_000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it('puts a unit away that was never loaded', async () => {
    await machine.start();
    machine.systemd.control.refuseLoad('a.service', 'no');
    await machine.assign('a.service');
    await machine.destroy('a.service');
    expect(await machine.published()).toEqual({});
  });

  it('removes a unit whose stop is refused because systemd does not know it', async () => {
    await machine.start();
    await machine.assign('a.service', SLEEP, 'loaded');
    machine.systemd.control.refuseStop('a.service', 'Unit a.service not loaded');
    await machine.destroy('a.service');
    expect(machine.systemd.control.files.size).toBe(0);
    expect(machine.systemd.control.calls('unload', 'a.service')).toBe(1);
  });

  it('does not remove a unit that runs and refuses to stop', async () => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.refuseStop('a.service', 'refused, it may be requested by dependency only');
    await machine.destroy('a.service');
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect((await machine.published())['a.service']?.reason).toMatch(/dependency only/);
    await machine.pass(300_000);
    machine.systemd.control.refuseStop('a.service', undefined);
    await machine.pass(6_000);
    expect(machine.systemd.control.files.size).toBe(0);
  });

  it('stops a unit again whose stop was overtaken by a start', async () => {
    await machine.start();
    await machine.assign('a.service', `${SLEEP}TimeoutStopSec=infinity\n`);
    machine.systemd.control.hangStop('a.service');
    await machine.setTarget('a.service', 'loaded');
    machine.systemd.control.startByHand('a.service');
    await machine.settle();
    expect(await machine.published()).toMatchObject({ 'a.service': { reason: expect.stringContaining('did not stop') as unknown } });
    machine.systemd.control.release('a.service');
    await machine.pass(2000);
    expect(machine.systemd.control.running()).toEqual([]);
    expect(await machine.published()).toEqual({ 'a.service': expect.objectContaining({ active: 'inactive', asked: 'loaded', generation: 2 }) });
  });

  it('waits for a unit to stop before its file goes, and says so when that takes long', async () => {
    await machine.start({ stopDeadlineMs: 10_000 });
    await machine.assign('a.service', `${SLEEP}TimeoutStopSec=infinity\n`);
    machine.systemd.control.hangStop('a.service');
    await machine.destroy('a.service');
    await machine.pass(11_000);
    expect([...machine.systemd.control.files.keys()]).toEqual(['a.service']);
    expect((await machine.published())['a.service']).toMatchObject({ active: 'deactivating', reason: 'still stopping after 10 s' });
    machine.systemd.control.release('a.service');
    await machine.settle();
    expect(machine.systemd.control.files.size).toBe(0);
    expect(await machine.published()).toEqual({});
  });

  it('puts a unit away whose stop has ended without a word', async () => {
    const manager = machine.systemd.control.openManager();
    const stop = manager.stop.bind(manager);
    jest.spyOn(manager, 'stop').mockImplementation(async (name, options) => {
      await stop(name, options);
      return { result: new Promise(() => undefined) };
    });
    await machine.start({ stopDeadlineMs: 10_000, manager });
    await machine.assign('a.service');
    await machine.destroy('a.service');
    expect([...machine.systemd.control.files.keys()]).toEqual(['a.service']);
    await machine.pass(11_000);
    expect([...machine.systemd.control.files.keys()]).toEqual([]);
    expect(await machine.published()).toEqual({});
  });
});
