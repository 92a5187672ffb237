import { defineConfig } from 'tsup';

// One program, split at its dynamic imports so that the adapters that are not used are not loaded. etcd3 reads its .proto
// files from its own folder and dbus-next builds classes from XML at load: both stay outside.
export default defineConfig({
  entry: { main: 'src/main.ts' },
  format: ['esm'],
  clean: true,
  target: 'node22',
  platform: 'node',
  splitting: true,
  treeshake: false,
  sourcemap: false,
  // node:sqlite has no name without its prefix.
  removeNodeProtocol: false,
  noExternal: [/^@fleet\//, 'zod'],
  external: ['etcd3', 'dbus-next', 'express', 'prom-client'],
  esbuildOptions(options) {
    options.conditions = ['@fleet/source', 'node', 'import'];
    options.chunkNames = 'chunks/[name]-[hash]';
  },
});
