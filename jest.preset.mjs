// The one place for every project's jest settings. Tests import `describe`, `it`, `expect` from @jest/globals.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' }],
  },
  // Neither `import` nor `require` here: jest adds the right one itself, and a CommonJS dependency must not get ES modules.
  testEnvironmentOptions: { customExportConditions: ['@fleet/source', 'node'] },
  testTimeout: 20_000,
};
