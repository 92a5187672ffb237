import { defineConfig } from 'tsup';
import { chunksToCommonJs, commonJsInside, dbusWithoutExtras, etcdProtocolInside, licensesBeside, oneTableOfTypes, versionInside } from '../../tsup.program.ts';

// Everything inside; what only some configurations need (etcd3, dbus-next) is in files of its own, read when it is first asked for:
// a single file would cost every fleetd ten megabytes.
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
  noExternal: [/.*/],
  esbuildPlugins: [versionInside(import.meta.dirname, (version) => `export const VERSION = ${JSON.stringify(version)};`), etcdProtocolInside, oneTableOfTypes, dbusWithoutExtras, licensesBeside, commonJsInside],
  plugins: [chunksToCommonJs],
  esbuildOptions(options) {
    options.conditions = ['@fleet/source', 'node', 'require'];
    options.chunkNames = 'chunks/[name]-[hash]';
  },
});
