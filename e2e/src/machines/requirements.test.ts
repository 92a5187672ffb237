import { expect, it } from '@jest/globals';
import { realMachineObstacle } from './requirements.ts';

it('says in one line why there are no real machines, or nothing', () => {
  expect(realMachineObstacle() ?? 'none').toMatch(/^[^\n]+$/);
});
