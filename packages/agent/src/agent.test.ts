import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { FleetError } from '@fleet/runtime';
import { hashText } from '@fleet/unit-parser';
import { createVolatileMemory } from './runtime-memory.ts';
import { ONESHOT, SLEEP, TestMachine, TTL_MS, type RunningAgent } from './testing/machine.ts';

let machine: TestMachine;
/** What a manager is kept from finishing. */
interface Holdable {
  listFiles: boolean;
  load: boolean;
}
/** The same, but for these methods. */
function overriding<T extends object>(inner: T, methods: Partial<T>): T {
  return new Proxy(inner, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in methods ? methods : target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
const OTHER = '[Service]\nExecStart=/bin/sleep 1000\n';
const away = new FleetError('the store does not answer', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });
const fleet = (options: string, base = SLEEP): string => `${base}[X-Fleet]\n${options}\n`;

beforeEach(() => {
  machine = new TestMachine();
});
afterEach(async () => {
  await machine.close();
});

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

  describe.each([
    { kind: 'scheduled', text: OTHER },
    { kind: 'global', text: fleet('Global=true') },
  ])('of a $kind unit whose text is missing', ({ kind, text }) => {
    const missing = expect.stringContaining(`${hashText(text)} is missing`) as unknown;

    beforeEach(async () => {
      await machine.start();
      await machine.assign('a.service');
      await machine.create('b.service', text);
      await machine.deleteKey(`files/${hashText(text)}`);
      if (kind === 'scheduled') await machine.place('b.service');
      await machine.settle();
    });

    it('are told with the generation they answer to, and hold up nobody', async () => {
      await machine.assign('c.service');
      expect(machine.systemd.control.running()).toEqual(['a.service', 'c.service']);
      expect(await machine.published()).toMatchObject({ 'b.service': { load: 'not-found', hash: hashText(text), asked: 'loaded', generation: 1, reason: missing } });
      await machine.setTarget('b.service', 'loaded');
      await machine.setTarget('b.service', 'launched');
      expect(await machine.published()).toMatchObject({ 'b.service': { generation: 3, reason: missing } });
    });

    it('are taken back when the text turns up, and the unit starts', async () => {
      // With a unit that is none of this machine's business.
      await machine.create('c.service', text, 'inactive');
      await machine.pass(61_000);
      expect(machine.systemd.control.running()).toEqual(['a.service', 'b.service']);
      expect((await machine.published())['b.service']).not.toHaveProperty('reason');
    });

    it.each([
      { what: 'made inactive', end: () => machine.setTarget('b.service', 'inactive') },
      { what: 'destroyed', end: () => machine.destroy('b.service') },
    ])('are taken back when the unit is $what', async ({ end }) => {
      await end();
      expect(Object.keys(await machine.published())).toEqual(['a.service']);
    });
  });

  it('of a new text that is missing leave the unit with the old one as it is', async () => {
    await machine.start();
    await machine.assign('a.service');
    machine.heldWatches = 'sched';
    await machine.replace('a.service', OTHER);
    await machine.deleteKey(`files/${hashText(OTHER)}`);
    machine.heldWatches = undefined;
    await machine.pass(1000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(await machine.published()).toMatchObject({ 'a.service': { hash: hashText(SLEEP), asked: 'launched', generation: 2, reason: expect.stringContaining('is missing') as unknown } });
  });

  it('put a global unit away that is no longer wanted, whether its text can be had or not', async () => {
    const first = await machine.start();
    await machine.create('g.service', fleet('Global=true'));
    await machine.settle();
    await first.kill();
    await machine.deleteKey(`files/${hashText(fleet('Global=true'))}`);
    await machine.start();
    expect(machine.systemd.control.running()).toEqual(['g.service']);
    await machine.setTarget('g.service', 'inactive');
    expect(machine.systemd.control.files.size).toBe(0);
    expect(await machine.published()).toEqual({});
  });
});

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
    machine.outage = away;
    await machine.pass(2 * TTL_MS);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(agent.status().presence.kind).toBe('present');
    expect(await machine.isRegistered()).toBe(true);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
  });
});

describe('hand edits', () => {
  it('notices a file that was edited and puts the right one in place', async () => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.editFile('a.service', OTHER);
    await machine.pass(61_000);
    expect(machine.systemd.control.files.get('a.service')).toBe(SLEEP);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it.each([
    { title: 'another text', target: 'launched' as const, running: ['a.service'] },
    { title: 'another text, and not to run', target: 'loaded' as const, running: [] },
  ])('stops what runs without its file when it is to have $title', async ({ target, running }) => {
    const first = await machine.start();
    await machine.assign('a.service');
    await first.kill();
    machine.systemd.control.removeFile('a.service');
    await machine.replace('a.service', OTHER, target);
    await machine.start();
    await machine.pass(1000);
    const { control } = machine.systemd;
    expect({ files: [...control.files], stops: control.calls('stop'), running: control.running() }).toEqual({ files: [['a.service', OTHER]], stops: 1, running });
    expect(await machine.published()).toMatchObject({ 'a.service': { hash: hashText(OTHER), asked: target } });
  });

  it('puts a file back that was removed, without touching what runs and without running again what has finished', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.assign('once.service', ONESHOT);
    machine.systemd.control.removeFile('a.service');
    machine.systemd.control.removeFile('once.service');
    await machine.pass(61_000);
    expect([...machine.systemd.control.files.keys()].sort()).toEqual(['a.service', 'once.service']);
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
    expect(machine.systemd.control.startsOf('once.service')).toBe(1);
    expect(machine.systemd.control.calls('stop')).toBe(0);
  });
});

describe('a listing of files that has been overtaken', () => {
  it.each([
    { what: 'a unit that was replaced meanwhile', during: () => machine.replace('a.service', OTHER), then: { files: [['a.service', OTHER]], running: ['a.service'], starts: 2, stops: 1 } },
    { what: 'a unit that was put away meanwhile', during: () => machine.destroy('a.service'), then: { files: [], running: [], starts: 1, stops: 1 } },
    { what: 'a unit that came meanwhile', during: () => machine.assign('b.service'), then: { files: [['a.service', SLEEP], ['b.service', SLEEP]], running: ['a.service', 'b.service'], starts: 2, stops: 0 } },
    {
      what: 'a unit whose replacement was under way',
      before: async (hold: Holdable) => {
        hold.load = true;
        await machine.replace('a.service', OTHER, 'loaded');
      },
      during: async (hold: Holdable) => {
        hold.load = false;
        await machine.settle();
        await machine.pass(100);
      },
      then: { files: [['a.service', OTHER]], running: [], starts: 1, stops: 1 },
    },
  ])('does not touch $what', async ({ before, during, then }: { before?: (hold: Holdable) => Promise<void>; during: (hold: Holdable) => Promise<void>; then: object }) => {
    const manager = machine.systemd.control.openManager();
    const hold: Holdable = { listFiles: false, load: false };
    const until = async (over: () => boolean): Promise<void> => {
      while (!over()) await machine.clock.sleep(10);
    };
    let listings = 0;
    await machine.start({
      manager: overriding(manager, {
        listFiles: async (options) => {
          const files = await manager.listFiles(options);
          listings += 1;
          await until(() => !hold.listFiles);
          return files;
        },
        load: async (...args) => {
          await until(() => !hold.load);
          await manager.load(...args);
        },
      }),
    });
    await machine.assign('a.service');
    await before?.(hold);
    hold.listFiles = true;
    listings = 0;
    await machine.pass(60_000);
    expect(listings).toBe(1);
    await during(hold);
    const loads = machine.systemd.control.calls('load');
    hold.listFiles = false;
    await machine.settle();
    await machine.pass(1000);
    const { control } = machine.systemd;
    expect({ files: [...control.files], running: control.running(), starts: control.calls('start'), stops: control.calls('stop'), loads: control.calls('load') }).toEqual({ ...then, loads });
  });
});

describe('outages of the store', () => {
  it('stop no unit, whatever their length, and are over without a restart', async () => {
    const { agent } = await machine.start();
    await machine.assign('a.service');
    machine.outage = away;
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

  it('keep the lease when they are shorter than it', async () => {
    await machine.start();
    await machine.assign('a.service');
    const lease = await machine.machineKeyLease();
    machine.outage = away;
    await machine.pass(15_000);
    machine.outage = undefined;
    await machine.pass(10_000);
    expect(await machine.machineKeyLease()).toBe(lease);
  });

  it('with on_lease_loss=stop stop units before the lease can have ended, and start them again afterwards', async () => {
    machine.onLeaseLoss = 'stop';
    await machine.start();
    await machine.assign('a.service');
    await machine.assign('b.service', SLEEP, 'loaded');
    await machine.pass(10_000);
    machine.outage = away;
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
  ])('with on_lease_loss=stop start nothing again while the mirror shows $shown', async ({ held }) => {
    machine.onLeaseLoss = 'stop';
    await machine.start();
    await machine.assign('a.service');
    machine.heldWatches = held;
    machine.outage = away;
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

  it('with on_lease_loss=stop stop units although the text of a new one cannot be had', async () => {
    machine.onLeaseLoss = 'stop';
    const readText = machine.users.readText.bind(machine.users);
    let cut = false;
    const registry = overriding(machine.users, {
      readText: (...args) => (cut ? Promise.reject(away) : readText(...args)),
      keepAlive: (...args) => (cut ? Promise.reject(away) : Promise.resolve().then(() => machine.store.keepAlive(...args))),
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

  it('with on_lease_loss=stop stop units whose lease has ended without a word, although the id is taken by another machine then', async () => {
    machine.onLeaseLoss = 'stop';
    const { agent } = await machine.start();
    await machine.assign('a.service');
    const lease = await machine.machineKeyLease();
    machine.heldWatches = 'machines';
    await machine.users.revokeLease(lease as string);
    const { id: other } = await machine.users.grantLease(100 * TTL_MS);
    await machine.users.registerMachine({ id: machine.id, bootId: 'other', sessionId: 'other', address: '', metadata: {}, version: '1', capabilities: {} }, other);
    machine.heldWatches = undefined;
    await machine.pass(TTL_MS / 3 + 1000);
    expect(agent.status().presence.kind).toBe('duplicate');
    expect(machine.systemd.control.running()).toEqual([]);
    expect([...machine.systemd.control.files.keys()]).toEqual(['a.service']);
    await machine.users.removeMachine(machine.id, 'other');
    await machine.pass(1000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
  });

  it('with on_lease_loss=stop touch nothing of an earlier fleetd while this one has not joined, and then only what was moved', async () => {
    machine.onLeaseLoss = 'stop';
    const first = await machine.start();
    await machine.assign('a.service');
    await machine.assign('b.service');
    await first.kill();
    machine.outage = away;
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

  it('stop units at once when on_lease_loss becomes stop after the lease may have ended', async () => {
    const { agent } = await machine.start();
    await machine.assign('a.service');
    machine.heldWatches = '';
    machine.outage = away;
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

  it('stop nothing any more once on_lease_loss is keep, whatever it was when the lease was last extended', async () => {
    machine.onLeaseLoss = 'stop';
    await machine.start();
    await machine.assign('a.service');
    await machine.pass(10_000);
    machine.outage = away;
    machine.onLeaseLoss = 'keep';
    await machine.pass(TTL_MS);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(machine.systemd.control.startsOf('a.service')).toBe(1);
  });

  it('that wipe the machine key change nothing here, and the key comes back', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.users.changeMetadata([{ machine: machine.id, key: 'x', value: 'y' }]);
    await machine.deleteKey(`machines/${machine.id}`);
    expect(await machine.isRegistered()).toBe(true);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(machine.systemd.control.calls('stop')).toBe(0);
  });

  it('a state that someone deleted is published again', async () => {
    await machine.start();
    await machine.assign('a.service');
    await machine.deleteKey(`state/${machine.id}/a.service`);
    await machine.pass(1000);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active' } });
  });
});

describe('duplicate machine ids', () => {
  /** Of another machine with this id, or of this one before its last boot; kept for as long as it lives. */
  async function takeId(): Promise<{ readonly end: () => void; readonly lease: string }> {
    const { id: lease } = await machine.users.grantLease(TTL_MS);
    await machine.users.registerMachine({ id: machine.id, bootId: 'other', sessionId: 'other', address: '', metadata: {}, version: '1', capabilities: {} }, lease);
    let lives = true;
    const keep = (): void => {
      machine.clock.schedule(TTL_MS / 3, () => {
        if (lives) void machine.users.keepAlive(lease).then(keep);
      });
    };
    keep();
    return { end: () => (lives = false), lease };
  }

  it('touch no unit while another live machine holds the id, and join the moment it is gone', async () => {
    machine.systemd.control.editFile('mine.service', SLEEP);
    const other = await takeId();
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

  it('do not get ahead of a live machine whose key was deleted by hand', async () => {
    const other = await takeId();
    const { agent } = await machine.start();
    await machine.pass(TTL_MS);
    await machine.deleteKey(`machines/${machine.id}`);
    await machine.users.registerMachine({ id: machine.id, bootId: 'other', sessionId: 'other', address: '', metadata: {}, version: '1', capabilities: {} }, other.lease);
    await machine.pass(TTL_MS);
    expect(agent.status().presence.kind).toBe('duplicate');
    expect(await machine.machineKeyLease()).toBe(other.lease);
  });

  it.each(['purge', 'keep'] as const)('end at once with %s, and leave the key to its holder', async (shutdown) => {
    machine.shutdown = shutdown;
    machine.systemd.control.editFile('mine.service', SLEEP);
    const other = await takeId();
    const running = await machine.start();
    await machine.pass(1000);
    await running.stop();
    expect(await machine.machineKeyLease()).toBe(other.lease);
    expect([...machine.systemd.control.files.keys()]).toEqual(['mine.service']);
  });

  it('are told of the store when that goes away meanwhile, and join when both are over', async () => {
    const other = await takeId();
    await machine.assign('a.service');
    const { agent } = await machine.start();
    await machine.pass(1000);
    machine.outage = away;
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

describe('systemd away', () => {
  it('reads everything again when the connection is back', async () => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.drop();
    await machine.assign('b.service');
    machine.systemd.control.exit('a.service', 1);
    await machine.pass(5500);
    expect((await machine.published())['a.service']).toMatchObject({ active: 'active', reason: 'systemd cannot be reached, this is the last known state' });
    machine.systemd.control.restore();
    await machine.pass(5000);
    expect(machine.systemd.control.running()).toEqual(['b.service']);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'failed', reason: 'failed with result exit-code' }, 'b.service': { active: 'active' } });
  });
});

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
    machine.outage = away;
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
    machine.outage = away;
    await running.stop();
    expect(machine.systemd.control.files.size).toBe(0);
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
