import { describe, expect, it } from '@jest/globals';
import { onFreshMachine } from './testing/fresh-machine.ts';
import { type TestMachine } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

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

  it.each([
    { what: 'was to stop', leave: () => machine.setTarget('a.service', 'loaded'), wantAgain: () => machine.setTarget('a.service', 'launched') },
    { what: 'was being put away', leave: () => machine.unplace('a.service'), wantAgain: () => machine.place('a.service') },
  ])('starts a unit that $what when the connection was lost, and is wanted again', async ({ leave, wantAgain }) => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.hangStop('a.service');
    await leave();
    expect(machine.systemd.control.state('a.service').active).toBe('deactivating');
    machine.systemd.control.drop();
    await wantAgain();
    await machine.settle();
    machine.systemd.control.restore();
    await machine.pass(10_000);
    machine.systemd.control.release('a.service');
    await machine.pass(10_000);
    expect(machine.systemd.control.running()).toEqual(['a.service']);
    expect(await machine.published()).toMatchObject({ 'a.service': { active: 'active', asked: 'launched' } });
  });

  it.each([
    { what: 'stops', leave: () => machine.setTarget('a.service', 'loaded'), files: ['a.service'] },
    { what: 'puts away', leave: () => machine.unplace('a.service'), files: [] },
  ])('$what a unit whose stop was under way when the connection was lost', async ({ leave, files }) => {
    await machine.start();
    await machine.assign('a.service');
    machine.systemd.control.hangStop('a.service');
    await leave();
    machine.systemd.control.drop();
    await machine.pass(1000);
    machine.systemd.control.restore();
    await machine.pass(10_000);
    machine.systemd.control.release('a.service');
    await machine.pass(10_000);
    expect(machine.systemd.control.running()).toEqual([]);
    expect([...machine.systemd.control.files.keys()]).toEqual(files);
    expect(Object.keys(await machine.published())).toEqual(files);
  });
});
