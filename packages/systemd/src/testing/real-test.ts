import { describe, it } from '@jest/globals';

import { realMachineObstacle } from './real-machine.ts';

/** `describe` for tests on a real systemd: skipped with the reason in the name where there can be none, failed with FLEET_TEST_REQUIRE_REAL=1. */
export function describeRealSystemd(name: string, body: () => void): void {
  const obstacle = realMachineObstacle();
  if (obstacle === undefined) describe(name, body);
  else if (process.env['FLEET_TEST_REQUIRE_REAL'] === '1') {
    it(`${name} (real systemd required)`, () => {
      throw new Error(`FLEET_TEST_REQUIRE_REAL=1, but ${obstacle}`);
    });
  } else describe.skip(`${name} (skipped: ${obstacle})`, body);
}
