import { describe, expect, it } from '@jest/globals';
import { AWAY, fleet, onFreshMachine } from './testing/fresh-machine.ts';
import { SLEEP, type TestMachine, TTL_MS } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('a machine id that is taken', () => {
  /** Another machine has the id, for as long as it lives. */
  async function takeIdAndLive(): Promise<{ readonly end: () => void; readonly lease: string }> {
    const lease = await machine.takeId();
    let lives = true;
    const keep = (): void => {
      machine.clock.schedule(TTL_MS / 3, () => {
        if (lives) void machine.users.keepAlive(lease).then(keep);
      });
    };
    keep();
    return { end: () => (lives = false), lease };
  }

  it('touches no unit while another live machine holds it, and joins the moment that is gone', async () => {
    machine.systemd.control.editFile('mine.service', SLEEP);
    const other = await takeIdAndLive();
    await machine.assign('a.service');
    const { agent } = await machine.start();
    await machine.pass(5 * TTL_MS);
    expect(agent.status().presence.kind).toBe('duplicate');
    expect([...machine.systemd.control.files.keys()]).toEqual(['mine.service']);
    other.end();
    while ((await machine.machineKeyLease()) === other.lease) await machine.clock.advance(10);
    await machine.pass(300);
    await machine.settle();
    expect(agent.status().presence.kind).toBe('present');
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
  });

  it('does not get ahead of a live machine whose key was deleted by hand', async () => {
    const other = await takeIdAndLive();
    const { agent } = await machine.start();
    await machine.pass(TTL_MS);
    await machine.deleteKey(`machines/${machine.id}`);
    await machine.writeOther(other.lease);
    await machine.pass(TTL_MS);
    expect(agent.status().presence.kind).toBe('duplicate');
    expect(await machine.machineKeyLease()).toBe(other.lease);
  });

  it.each(['purge', 'keep'] as const)('ends at once with %s, and leaves the key to its holder', async (shutdown) => {
    machine.shutdown = shutdown;
    machine.systemd.control.editFile('mine.service', SLEEP);
    const other = await takeIdAndLive();
    const running = await machine.start();
    await machine.pass(1000);
    await running.stop();
    expect(await machine.machineKeyLease()).toBe(other.lease);
    expect([...machine.systemd.control.files.keys()]).toEqual(['mine.service']);
  });

  it('says so when the store goes away meanwhile, and joins when both are over', async () => {
    const other = await takeIdAndLive();
    await machine.assign('a.service');
    const { agent } = await machine.start();
    await machine.pass(1000);
    machine.outage = AWAY;
    await machine.pass(10_000);
    expect(agent.status().presence.kind).toBe('joining');
    other.end();
    await machine.pass(2 * TTL_MS);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(agent.status().presence.kind).toBe('present');
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });
});

describe('reload', () => {
  it('publishes new metadata under the same lease and looks at global units again', async () => {
    const { agent } = await machine.start();
    await machine.create('g.service', fleet('Global=true\nMachineMetadata=disk=ssd'));
    await machine.settle();
    const lease = await machine.machineKeyLease();
    machine.metadata = { disk: 'ssd' };
    agent.refresh();
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['g.service']);
    expect(await machine.machineKeyLease()).toBe(lease);
  });
});
