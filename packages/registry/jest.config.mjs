import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  rootDir: import.meta.dirname,
  // jest adds `import` or `require` by itself. With `import` in the list, a require() below etcd3 finds ES modules and fails.
  testEnvironmentOptions: { customExportConditions: ['@fleet/source', 'node', 'default'] },
};
