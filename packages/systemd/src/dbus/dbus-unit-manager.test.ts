import { afterAll, beforeAll } from '@jest/globals';

import { describeUnitManagerContract } from '../testing/index.ts';
import { dbusFixture } from '../testing/dbus-fixture.ts';
import { bootRealMachine, type RealMachine } from '../testing/real-machine.ts';
import { describeRealSystemd } from '../testing/real-test.ts';

describeRealSystemd('systemd over D-Bus', () => {
  let machine: RealMachine;
  beforeAll(async () => {
    machine = await bootRealMachine();
  }, 60_000);
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
  });

  describeUnitManagerContract('dbus', () => dbusFixture(machine));
});
