import { describe, expect, it } from '@jest/globals';
import { AWAY, onFreshMachine, overriding } from './testing/fresh-machine.ts';
import { type RunningAgent, SLEEP, type TestMachine, TTL_MS } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('shutdown', () => {
  it('purge puts all units away and leaves the cluster', async () => {
    machine.shutdown = 'purge';
    const running = await machine.start();
    for (const name of ['a', 'b', 'c']) await machine.assign(`${name}.service`);
    await running.stop();
    expect(machine.systemd.control.files.size).toBe(0);
    expect(machine.systemd.control.running()).toEqual([]);
    expect(await machine.published()).toEqual({});
    expect(await machine.isRegistered()).toBe(false);
  });

  it('purge awaits what units do on stopping, but no longer than the deadline', async () => {
    machine.shutdown = 'purge';
    const running = await machine.start({ drainDeadlineMs: 20_000 });
    await machine.assign('slow.service', `${SLEEP}TimeoutStopSec=infinity\n`);
    await machine.assign('quick.service');
    machine.systemd.control.hangStop('slow.service');
    let ended = false;
    void running.stop().then(() => (ended = true));
    await machine.settle();
    await machine.pass(10_000);
    expect(await machine.isRegistered()).toBe(true);
    expect([...machine.systemd.control.files.keys()]).toEqual(['slow.service']);
    await machine.pass(11_000);
    expect(ended).toBe(true);
    expect(await machine.isRegistered()).toBe(false);
  });

  it.each([
    {
      what: 'is asked to publish itself anew',
      during: async (running: RunningAgent) => {
        running.agent.refresh();
        await machine.settle();
      },
    },
    { what: 'extends its lease', during: () => machine.pass(TTL_MS / 3) },
  ])('purge does not come back when it $what at that moment', async ({ during }) => {
    machine.shutdown = 'purge';
    let left = false;
    const revokeLease: typeof machine.users.revokeLease = async (...args) => {
      await machine.store.revokeLease(...args);
      left = true;
      await during(running);
      await machine.settle();
    };
    const running = await machine.start({ registry: overriding(machine.users, { revokeLease }) });
    await machine.assign('a.service');
    await running.stop();
    expect(left).toBe(true);
    expect(await machine.isRegistered()).toBe(false);
    expect(machine.memory.session.lease).toBeNull();
  });

  it('purge before it has joined again leaves what an earlier fleetd left running, and starts it nowhere else', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    await first.kill();
    machine.shutdown = 'purge';
    machine.outage = AWAY;
    const second = await machine.start();
    machine.outage = undefined;
    await second.stop();
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(await machine.isRegistered()).toBe(true);
  });

  it('purge puts away what an earlier fleetd left running, also before it has looked at it', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    await first.kill();
    machine.shutdown = 'purge';
    const manager = machine.systemd.control.openManager();
    let listings = 0;
    const listFiles: typeof manager.listFiles = (options) => ((listings += 1) === 1 ? new Promise(() => undefined) : manager.listFiles(options));
    const second = await machine.start({ manager: overriding(manager, { listFiles }) });
    expect(second.agent.status()).toMatchObject({ presence: { kind: 'present' }, ready: false });
    await second.stop();
    expect(machine.systemd.control.running()).toEqual([]);
    expect(machine.systemd.control.files.size).toBe(0);
    expect(await machine.isRegistered()).toBe(false);
  });

  it('purge works without the store: units are put away', async () => {
    machine.shutdown = 'purge';
    const running = await machine.start();
    await machine.assign('a.service');
    machine.outage = AWAY;
    await running.stop();
    expect(machine.systemd.control.files.size).toBe(0);
  });

  it('purge ends with the last unit also when the lease may end meanwhile, with on_lease_loss=stop', async () => {
    machine.shutdown = 'purge';
    machine.onLeaseLoss = 'stop';
    const running = await machine.start({ drainDeadlineMs: 10 * TTL_MS });
    await machine.assign('slow.service', `${SLEEP}TimeoutStopSec=infinity\n`);
    await machine.assign('quick.service');
    machine.systemd.control.hangStop('slow.service');
    let ended = false;
    void running.stop().then(() => (ended = true));
    await machine.settle();
    machine.outage = AWAY;
    await machine.pass(TTL_MS);
    machine.systemd.control.release('slow.service');
    await machine.pass(5000);
    expect({ ended, files: machine.systemd.control.files.size }).toEqual({ ended: true, files: 0 });
  });

  it('keep leaves units, states and key', async () => {
    const running = await machine.start();
    await machine.assign('a.service');
    await running.stop();
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(await machine.isRegistered()).toBe(true);
    expect(Object.keys(await machine.published())).toEqual(['a.service']);
  });
});
