import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { defineConfig } from 'tsup';
import { commonJsInside, compact, etcdProtocolInside, licensesBeside, oneTableOfTypes, versionInside } from '../../tsup.program.ts';

// The command is a few files, each with everything inside: what every run needs, what the listings need, the other commands, oclif, and the rest. A run
// reads main.js and at most one more. CommonJS, because Node takes some milliseconds longer to begin with ES modules; separate bundles rather than
// shared chunks, because a chunk holds whatever any of its users needs. docs/decisions/0061 has the figures.
const PARTS: Readonly<Record<string, string>> = {
  main: 'src/main.ts',
  listings: 'src/commands/listings.ts',
  commands: 'src/commands/index.ts',
  oclif: 'src/oclif/index.ts',
  store: 'src/store/index.ts',
  legacy: '../../packages/api-client/src/legacy-api.ts',
};

/** A dynamic import of another part becomes a require of its bundle. */
const partsApart: Plugin = {
  name: 'parts-apart',
  setup(build) {
    build.onResolve({ filter: /\/(listings|index|legacy-api)\.ts$/ }, ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const target = resolve(resolveDir, path);
      const part = Object.entries(PARTS).find(([, file]) => target === fileURLToPath(new URL(file, import.meta.url)))?.[0];
      return part === undefined ? undefined : { path: `./${part}.js`, external: true };
    });
  },
};

/** Node's crypto takes as long to load as all the rest of a listing, which hashes nothing; so it is loaded when it is first used. */
const cryptoWhenUsed: Plugin = {
  name: 'crypto-when-used',
  setup(build) {
    build.onResolve({ filter: /^node:crypto$/ }, ({ importer }) => (importer.endsWith('/unit-parser/src/node-hash.ts') ? { path: 'crypto', namespace: 'when-used' } : undefined));
    build.onLoad({ filter: /.*/, namespace: 'when-used' }, () => ({ contents: `export const hash = (...args) => process.getBuiltinModule('node:crypto').hash(...args);` }));
  },
};

/** What oclif finds commands on disk with, compiles them with, draws templates and spinners with: never called, since all commands are given to it in memory. */
const oclifWithoutDisk: Plugin = {
  name: 'oclif-without-disk',
  setup(build) {
    build.onResolve({ filter: /^(tinyglobby|minimatch|ejs|cli-spinners|typescript|ts-node|tsx)$/ }, ({ path }) => ({ path, namespace: 'not-called' }));
    build.onLoad({ filter: /.*/, namespace: 'not-called' }, () => ({ contents: 'module.exports = {};' }));
  },
};

export default Object.entries(PARTS).map(([name, file]) =>
  defineConfig({
    entry: { [name]: file },
    format: ['cjs'],
    outExtension: () => ({ js: '.js' }),
    target: 'node22',
    platform: 'node',
    splitting: false,
    // node:sqlite has no name without its prefix.
    removeNodeProtocol: false,
    noExternal: [/.*/],
    esbuildPlugins: [
      partsApart,
      cryptoWhenUsed,
      oclifWithoutDisk,
      versionInside(import.meta.dirname, (version) => `export const VERSION = ${JSON.stringify(`v${version}`)};`),
      etcdProtocolInside,
      oneTableOfTypes,
      licensesBeside,
      commonJsInside,
    ],
    esbuildOptions(options) {
      options.conditions = ['@fleet/source', 'node', 'require'];
      options.supported = { 'dynamic-import': false };
      Object.assign(options, compact);
    },
  }),
);
