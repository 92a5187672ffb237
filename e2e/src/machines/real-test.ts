import { describe, it } from '@jest/globals';
import { realMachineObstacle } from './requirements.ts';

/**
 * `describe` for tests that boot machines. Where that cannot be done they are skipped, and the reason stands in their name;
 * with FLEET_TEST_REQUIRE_REAL=1 it is a failure instead.
 */
export function describeRealMachines(name: string, body: () => void): void {
  const obstacle = realMachineObstacle();
  if (obstacle === undefined) describe(name, body);
  else if (process.env['FLEET_TEST_REQUIRE_REAL'] === '1') {
    it(`${name} [real machines are required]`, () => {
      throw new Error(`FLEET_TEST_REQUIRE_REAL=1, but ${obstacle}`);
    });
  } else describe.skip(`${name} [skipped: ${obstacle}]`, body);
}
