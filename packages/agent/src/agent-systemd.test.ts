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
});
