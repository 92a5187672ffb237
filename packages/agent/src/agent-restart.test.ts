import { describe, expect, it } from '@jest/globals';
import { hashText } from '@fleet/unit-parser';
import { createVolatileMemory } from './runtime-memory.ts';
import { AWAY, fleet, onFreshMachine } from './testing/fresh-machine.ts';
import { ONESHOT, SLEEP, type TestMachine, TTL_MS } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('restart of fleetd', () => {
  it('touches nothing after kill -9: same lease, no start, no stop', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    await machine.assign('b.service', SLEEP, 'loaded');
    await machine.assign('once.service', ONESHOT);
    expect(machine.systemd.control.startsOf('once.service')).toBe(1);
    const lease = await machine.machineKeyLease();
    await first.kill();
    machine.systemd.control.resetCalls();
    const revision = await machine.revision();
    await machine.start();
    expect(await machine.machineKeyLease()).toBe(lease);
    for (const call of ['load', 'unload', 'start', 'stop'] as const) expect(machine.systemd.control.calls(call)).toBe(0);
    // One write: the machine's own key.
    expect(await machine.revision()).toBe(revision + 1);
  });

  it('does what changed meanwhile', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    await machine.assign('b.service');
    await first.stop();
    await machine.destroy('a.service');
    await machine.assign('c.service');
    await machine.start();
    expect(machine.systemd.control.running()).toEqual(['b.service', 'c.service']);
    expect(Object.keys(await machine.published())).toEqual(['b.service', 'c.service']);
    expect(machine.systemd.control.startsOf('b.service')).toBe(1);
  });

  it('starts a unit that was being put away when fleetd was killed, if it is wanted again', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.hangStop('a.service');
    await machine.destroy('a.service');
    expect(machine.systemd.control.state('a.service').active).toBe('deactivating');
    await first.kill();
    await machine.assign('a.service');
    await machine.start();
    machine.systemd.control.release('a.service');
    await machine.pass(1000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it.each([
    { what: 'excludes another', old: fleet('Conflicts=new.service'), text: SLEEP, waits: true },
    { what: 'is excluded by another', old: SLEEP, text: fleet('Conflicts=old.service'), waits: true },
    { what: 'excludes nobody', old: fleet('Conflicts=third.service'), text: SLEEP, waits: false },
  ])('knows of a unit that was left and has to go that it $what', async ({ old, text, waits }) => {
    const first = await machine.start();
    await machine.assign('old.service', old);
    await first.kill();
    machine.systemd.control.hangStop('old.service');
    await machine.destroy('old.service');
    await machine.deleteKey(`files/${hashText(old)}`);
    await machine.assign('new.service', text);
    await machine.start();
    expect(machine.systemd.control.state('old.service').active).toBe('deactivating');
    expect(machine.systemd.control.running()).toEqual(waits ? [] : ['new.service']);
    expect((await machine.published())['new.service']?.reason).toEqual(waits ? expect.stringContaining('waits for old.service') : undefined);
    machine.systemd.control.release('old.service');
    await machine.settle();
    expect(machine.systemd.control.running()).toEqual(['new.service']);
  });

  it('does not start again what runs or has failed, even when its memory is lost', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    await machine.assign('f.service');
    machine.systemd.control.exit('f.service', 1);
    await first.stop();
    const { session } = machine.memory;
    machine.memory = createVolatileMemory();
    await machine.users.removeMachine(machine.id, session.sessionId);
    await machine.start();
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
    expect(machine.systemd.control.startsOf('f.service')).toBe(1);
    expect(await machine.published()).toMatchObject({ 'a.service': { asked: 'launched' }, 'f.service': { asked: 'launched', active: 'failed' } });
  });

  it('unloads files of units that are not wanted here, foreign ones included', async () => {
    machine.systemd.control.editFile('stray.service', SLEEP);
    await machine.start();
    expect(machine.systemd.control.files.size).toBe(0);
  });

  it('takes up a new lease when the old one has ended, and publishes everything under it', async () => {
    const first = await machine.start();
    await machine.assign('a.service');
    await first.kill();
    await machine.pass(TTL_MS + 1000);
    expect(await machine.isRegistered()).toBe(false);
    expect(await machine.published()).toEqual({});
    await machine.start();
    expect(await machine.isRegistered()).toBe(true);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
  });
});

describe('a full disk', () => {
  it('keeps nobody out of the cluster: a lease that cannot be remembered is used all the same', async () => {
    const memory = createVolatileMemory();
    let isFull = false;
    machine.memory = {
      asked: memory.asked,
      get session() {
        return memory.session;
      },
      saveLease: async (lease) => {
        await memory.saveLease(lease);
        if (isFull) throw new Error('ENOSPC: no space left on device, write');
      },
      saveAsked: (unit, asked) => memory.saveAsked(unit, asked),
    };
    const { agent } = await machine.start();
    await machine.assign('a.service');
    isFull = true;
    machine.outage = AWAY;
    await machine.pass(2 * TTL_MS);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(agent.status().presence.kind).toBe('present');
    expect(await machine.isRegistered()).toBe(true);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
  });
});
