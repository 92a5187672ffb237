import { describe, expect, it } from '@jest/globals';
import { AWAY, onFreshMachine } from './testing/fresh-machine.ts';
import { type TestMachine, TTL_MS } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('an outage of the store', () => {
  it('stops no unit, whatever its length, and is over without a restart', async () => {
    const { agent } = await machine.start();
    await machine.assign('a.service');
    machine.outage = AWAY;
    await machine.pass(10 * TTL_MS);
    expect(agent.status().presence.kind).toBe('uncertain');
    expect(await machine.isRegistered()).toBe(false);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(agent.status().presence.kind).toBe('present');
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
    expect(machine.systemd.control.calls('stop')).toBe(0);
  });

  it('keeps the lease when it is shorter than that', async () => {
    await machine.start();
    await machine.assign('a.service');
    const lease = await machine.machineKeyLease();
    machine.outage = AWAY;
    await machine.pass(15_000);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(await machine.machineKeyLease()).toBe(lease);
  });
});

describe('a key deleted by hand', () => {
  it('of the machine: nothing changes here, and it comes back', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.users.changeMetadata([{ machine: machine.id, key: 'x', value: 'y' }]);
    await machine.deleteKey(`machines/${machine.id}`);
    expect(await machine.isRegistered()).toBe(true);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(machine.systemd.control.calls('stop')).toBe(0);
  });

  it('of a state: it is published again', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.deleteKey(`state/${machine.id}/a.service`);
    await machine.pass(1000);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
  });
});
