import nx from '@nx/eslint-plugin';
import * as jsonc from 'jsonc-eslint-parser';
import tseslint from 'typescript-eslint';

// Who may import whom: the arrows that ARCHITECTURE.md draws. A package may also import what its arrows reach, and tests the testing entry points of that.
const arrows = {
  'pkg:unit-parser': [],
  'pkg:runtime': [],
  'pkg:model': ['pkg:unit-parser'],
  'pkg:scheduler': ['pkg:model'],
  'pkg:api': ['pkg:model'],
  'pkg:registry': ['pkg:model', 'pkg:runtime'],
  'pkg:systemd': ['pkg:unit-parser', 'pkg:runtime'],
  'pkg:engine': ['pkg:scheduler', 'pkg:registry', 'pkg:runtime'],
  'pkg:agent': ['pkg:scheduler', 'pkg:registry', 'pkg:systemd', 'pkg:runtime'],
  'pkg:api-server': ['pkg:api', 'pkg:registry', 'pkg:runtime'],
  'pkg:api-client': ['pkg:api', 'pkg:unit-parser', 'pkg:runtime'],
  'pkg:daemon': ['pkg:engine', 'pkg:agent', 'pkg:api-server'],
  'app:fleetd': ['pkg:daemon', 'pkg:registry', 'pkg:systemd'],
  'app:fleetctl': ['pkg:api-client', 'pkg:api-server', 'pkg:registry'],
};
const reach = (tag) => [tag, ...arrows[tag].flatMap(reach)];
const depConstraints = [
  ...Object.keys(arrows).map((sourceTag) => ({ sourceTag, onlyDependOnLibsWithTags: [...new Set(reach(sourceTag))] })),
  { sourceTag: 'tools', onlyDependOnLibsWithTags: ['*'] },
];

export default [
  { ignores: ['**/dist', '**/out-tsc', '**/coverage', '.nx', 'node_modules', '**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: ['./tsconfig.eslint.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/unified-signatures': 'off',
      'no-control-regex': 'off',
    },
  },
  {
    files: ['**/*.test.ts', '**/testing/**/*.ts', '**/bench/**/*.ts', '**/scenarios/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  { plugins: { '@nx': nx } },
  {
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': ['error', { enforceBuildableLibDependency: true, allow: [], depConstraints }] },
  },
  {
    // Not the apps: they are published with everything inside and depend on nothing.
    files: ['packages/*/package.json'],
    languageOptions: { parser: jsonc },
    rules: {
      '@nx/dependency-checks': [
        'error',
        { ignoredFiles: ['{projectRoot}/*.config.*', '{projectRoot}/**/*.test.ts', '{projectRoot}/bench/**', '{projectRoot}/examples/**'], ignoredDependencies: ['@jest/globals', 'fast-check'] },
      ],
    },
  },
];
