import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { defineConfig } from 'tsup';

// The command is four files, each with everything inside: what every run needs, what the listings need, the other commands, and oclif. A run
// reads main.js and at most one more. CommonJS, because Node takes some milliseconds longer to begin with ES modules; separate bundles rather than
// shared chunks, because a chunk holds whatever any of its users needs. docs/decisions/0061 has the figures.
const PARTS: Readonly<Record<string, string>> = {
  main: 'src/main.ts',
  index: 'src/index.ts',
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

const versionInside: Plugin = {
  name: 'version-inside',
  setup(build) {
    const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };
    build.onLoad({ filter: /fleetctl\/src\/version\.ts$/ }, () => ({ contents: `export const VERSION = ${JSON.stringify(`v${version}`)};` }));
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
    outExtension: () => ({ js: '.js', dts: '.d.ts' }),
    dts: name === 'index',
    target: 'node22',
    platform: 'node',
    splitting: false,
    noExternal: [/^@fleet\/(api|api-client|runtime|unit-parser|model)(\/|$)/, /^@oclif\//],
    // The store's packages have dependencies of their own, which must be found from where they are.
    external: [/^@fleet\/(api-server|registry)(\/|$)/, '@oclif/core/package.json'],
    esbuildPlugins: [partsApart, cryptoWhenUsed, oclifWithoutDisk, versionInside],
    esbuildOptions(options) {
      options.conditions = ['@fleet/source', 'node', 'require'];
      options.supported = { 'dynamic-import': false };
      // Half of what is read at each start would be blanks. Names stay, for stack traces.
      options.minifyWhitespace = true;
      options.minifySyntax = true;
    },
    onSuccess: () => writeFile('dist/package.json', '{"type":"commonjs"}\n'),
  }),
);
