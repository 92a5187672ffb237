import { describe, expect, it } from '@jest/globals';
import { AWAY, onFreshMachine, OTHER, overriding } from './testing/fresh-machine.ts';
import { SLEEP, type TestMachine, TTL_MS } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('on_lease_loss=stop', () => {
  it('stops units before the lease can have ended, and starts them again afterwards', async () => {
    machine.onLeaseLoss = 'stop';
    await machine.start();
    await machine.assign('a.service');
    await machine.assign('b.service', SLEEP, 'loaded');
    await machine.pass(10_000);
    machine.outage = AWAY;
    const stoppedAfter: number[] = [];
    for (let ms = 0; ms < TTL_MS && stoppedAfter.length === 0; ms += 1000) {
      await machine.pass(1000);
      if (machine.systemd.control.running().length === 0) stoppedAfter.push(ms);
    }
    expect(await machine.isRegistered()).toBe(true);
    expect(stoppedAfter).toHaveLength(1);
    expect([...machine.systemd.control.files.keys()]).toEqual(['a.service', 'b.service']);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it.each([
    { shown: 'nothing that has changed', held: '' },
    { shown: 'the new registration, but not yet that the unit was moved away', held: 'sched' },
  ])('starts nothing again while the mirror shows $shown', async ({ held }) => {
    machine.onLeaseLoss = 'stop';
    await machine.start();
    await machine.assign('a.service');
    machine.heldWatches = held;
    machine.outage = AWAY;
    await machine.pass(TTL_MS + 1000);
    expect(await machine.isRegistered()).toBe(false);
    expect(machine.systemd.control.running()).toEqual([]);
    await machine.unplace('a.service');
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(await machine.isRegistered()).toBe(true);
    machine.heldWatches = undefined;
    await machine.pass(10_000);
    expect(machine.systemd.control.calls('start', 'a.service')).toBe(1);
    expect([...machine.systemd.control.files.keys()]).toEqual([]);
  });

  it('stops units although the text of a new one cannot be had', async () => {
    machine.onLeaseLoss = 'stop';
    const readText = machine.users.readText.bind(machine.users);
    let cut = false;
    const registry = overriding(machine.users, {
      readText: (...args) => (cut ? Promise.reject(AWAY) : readText(...args)),
      keepAlive: (...args) => (cut ? Promise.reject(AWAY) : Promise.resolve().then(() => machine.store.keepAlive(...args))),
    });
    await machine.start({ registry });
    await machine.assign('a.service');
    cut = true;
    // Its placement arrives, and then the machine is cut off.
    await machine.assign('new.service', OTHER);
    await machine.pass(TTL_MS - 2000);
    expect(await machine.isRegistered()).toBe(true);
    expect(machine.systemd.control.running()).toEqual([]);
  });

  it('stops units whose lease has ended without a word, although the id is taken by another machine then', async () => {
    machine.onLeaseLoss = 'stop';
    const { agent } = await machine.start();
    await machine.assign('a.service');
    const lease = await machine.machineKeyLease();
    machine.heldWatches = 'machines';
    await machine.users.revokeLease(lease as string);
    await machine.takeId(100 * TTL_MS);
    machine.heldWatches = undefined;
    await machine.pass(TTL_MS / 3 + 1000);
    expect(agent.status().presence.kind).toBe('duplicate');
    expect(machine.systemd.control.running()).toEqual([]);
    expect([...machine.systemd.control.files.keys()]).toEqual(['a.service']);
    await machine.removeOther();
    await machine.pass(1000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it('touches nothing of an earlier fleetd while this one has not joined, and then only what was moved', async () => {
    machine.onLeaseLoss = 'stop';
    const first = await machine.start();
    await machine.assign('a.service');
    await machine.assign('b.service');
    await first.kill();
    machine.outage = AWAY;
    const { agent } = await machine.start();
    await machine.pass(5 * TTL_MS);
    expect(agent.status()).toMatchObject({ presence: { kind: 'joining' }, ready: false });
    expect(machine.systemd.control.running()).toEqual(['a.service', 'b.service']);
    await machine.unplace('b.service');
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect({ a: machine.systemd.control.startsOf('a.service'), stops: machine.systemd.control.calls('stop') }).toEqual({ a: 1, stops: 1 });
  });

  it('stops units at once when it is chosen after the lease may have ended', async () => {
    const { agent } = await machine.start();
    await machine.assign('a.service');
    machine.heldWatches = '';
    machine.outage = AWAY;
    await machine.pass(2 * TTL_MS);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    machine.onLeaseLoss = 'stop';
    agent.refresh();
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual([]);
    machine.onLeaseLoss = 'keep';
    agent.refresh();
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it('stops nothing any more once keep is chosen, whatever was when the lease was last extended', async () => {
    machine.onLeaseLoss = 'stop';
    await machine.start();
    await machine.assign('a.service');
    await machine.pass(10_000);
    machine.outage = AWAY;
    machine.onLeaseLoss = 'keep';
    await machine.pass(TTL_MS);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
  });
});
