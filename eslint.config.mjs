import nx from '@nx/eslint-plugin';
import * as jsonc from 'jsonc-eslint-parser';
import tseslint from 'typescript-eslint';

// Who may import whom; ARCHITECTURE.md draws it. Tests may also use the testing entry points of what their package reaches.
const depConstraints = [
  {sourceTag: 'pkg:unit-parser', onlyDependOnLibsWithTags: ['pkg:unit-parser']},
  {sourceTag: 'pkg:model', onlyDependOnLibsWithTags: ['pkg:model', 'pkg:unit-parser']},
  {sourceTag: 'pkg:scheduler', onlyDependOnLibsWithTags: ['pkg:scheduler', 'pkg:model', 'pkg:unit-parser']},
  {sourceTag: 'pkg:runtime', onlyDependOnLibsWithTags: ['pkg:runtime']},
  {sourceTag: 'pkg:registry', onlyDependOnLibsWithTags: ['pkg:registry', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'pkg:systemd', onlyDependOnLibsWithTags: ['pkg:systemd', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'pkg:engine', onlyDependOnLibsWithTags: ['pkg:engine', 'pkg:scheduler', 'pkg:registry', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'pkg:agent', onlyDependOnLibsWithTags: ['pkg:agent', 'pkg:scheduler', 'pkg:registry', 'pkg:systemd', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'pkg:api', onlyDependOnLibsWithTags: ['pkg:api', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'pkg:api-server', onlyDependOnLibsWithTags: ['pkg:api-server', 'pkg:api', 'pkg:registry', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'pkg:api-client', onlyDependOnLibsWithTags: ['pkg:api-client', 'pkg:api', 'pkg:unit-parser', 'pkg:model', 'pkg:runtime']},
  {sourceTag: 'pkg:daemon', onlyDependOnLibsWithTags: ['pkg:daemon', 'pkg:engine', 'pkg:agent', 'pkg:api-server', 'pkg:api', 'pkg:registry', 'pkg:systemd', 'pkg:scheduler', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'app:fleetd', onlyDependOnLibsWithTags: ['pkg:daemon', 'pkg:api-server', 'pkg:registry', 'pkg:systemd', 'pkg:model', 'pkg:unit-parser', 'pkg:runtime']},
  {sourceTag: 'app:fleetctl', onlyDependOnLibsWithTags: ['pkg:api-client', 'pkg:api', 'pkg:unit-parser', 'pkg:model', 'pkg:runtime', 'pkg:registry', 'pkg:api-server']},
  {sourceTag: 'tools', onlyDependOnLibsWithTags: ['*']},
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
