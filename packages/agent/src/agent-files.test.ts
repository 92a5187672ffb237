import { describe, expect, it } from '@jest/globals';
import { hashText } from '@fleet/unit-parser';
import { onFreshMachine, OTHER, overriding } from './testing/fresh-machine.ts';
import { ONESHOT, SLEEP, type TestMachine } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

/** What a manager is kept from finishing. */
interface Holdable {
  listFiles: boolean;
  load: boolean;
}

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
