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
  testEnvironmentOptions: { customExportConditions: ['@fleet/source', 'node', 'import', 'default'] },
  testTimeout: 20_000,
};
