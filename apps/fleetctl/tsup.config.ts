import { defineConfig } from 'tsup';

// The command: one bundle that is split at its dynamic imports, so that a command loads its own part and no more. Everything is inside, because
// reading many small files costs more than running them.
export default defineConfig({
  entry: { main: 'src/main.ts', index: 'src/index.ts' },
  format: ['esm'],
  dts: { entry: { index: 'src/index.ts' } },
  clean: true,
  target: 'node22',
  platform: 'node',
  splitting: true,
  treeshake: false,
  noExternal: [/^@fleet\//, /^@oclif\//],
  external: ['typescript', 'ts-node', 'tsx', '@oclif/core/package.json'],
  esbuildOptions(options) {
    options.conditions = ['@fleet/source', 'node', 'import'];
    options.chunkNames = 'chunks/[name]-[hash]';
  },
});
