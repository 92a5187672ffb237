import preset from '../jest.preset.mjs';

// The scenarios run once in this process and once on real machines (see README.md); what needs real machines runs only there.
const real = process.env.FLEET_E2E_CLUSTER === 'real';

export default {
  ...preset,
  rootDir: import.meta.dirname,
  testPathIgnorePatterns: [...preset.testPathIgnorePatterns, ...(real ? ['/src/machines/(?!machines)'] : ['/scenarios/real/', '/src/machines/machines.test.ts'])],
};
