import { beforeEach, describe, expect, it } from '@jest/globals';
import { hashText } from '@fleet/unit-parser';
import { fleet, onFreshMachine, OTHER } from './testing/fresh-machine.ts';
import { SLEEP, type TestMachine } from './testing/machine.ts';

let machine: TestMachine;
onFreshMachine((fresh) => (machine = fresh));

describe('texts', () => {
  describe.each([
    { kind: 'scheduled', text: OTHER },
    { kind: 'global', text: fleet('Global=true') },
  ])('a new $kind unit whose text is missing', ({ kind, text }) => {
    const missing = expect.stringContaining(`${hashText(text)} is missing`) as unknown;

    beforeEach(async () => {
      await machine.start();
      await machine.assign('a.service');
      await machine.create('b.service', text);
      await machine.deleteKey(`files/${hashText(text)}`);
      if (kind === 'scheduled') await machine.place('b.service');
      await machine.settle();
    });

    it('says so with the generation it answers to, and holds up nobody', async () => {
      await machine.assign('c.service');
      expect(machine.systemd.control.running()).toEqual(['a.service', 'c.service']);
      expect(await machine.published()).toMatchObject({ 'b.service': { load: 'not-found', hash: hashText(text), asked: 'loaded', generation: 1, reason: missing } });
      await machine.setTarget('b.service', 'loaded');
      await machine.setTarget('b.service', 'launched');
      expect(await machine.published()).toMatchObject({ 'b.service': { generation: 3, reason: missing } });
    });

    it('takes that back when the text turns up, and starts the unit', async () => {
      // With a unit that is none of this machine's business.
      await machine.create('c.service', text, 'inactive');
      await machine.pass(61_000);
      expect(machine.systemd.control.running()).toEqual(['a.service', 'b.service']);
      expect((await machine.published())['b.service']).not.toHaveProperty('reason');
    });

    it.each([
      { what: 'made inactive', end: () => machine.setTarget('b.service', 'inactive') },
      { what: 'destroyed', end: () => machine.destroy('b.service') },
    ])('takes that back when the unit is $what', async ({ end }) => {
      await end();
      expect(Object.keys(await machine.published())).toEqual(['a.service']);
    });
  });

  it('leaves a unit as it is while its new text is missing, and says why', async () => {
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

  it('puts a global unit away that is no longer wanted, whether its text can be had or not', async () => {
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
