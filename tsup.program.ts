import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { transform, type Plugin } from 'esbuild';
import type { Options } from 'tsup';

// A program is CommonJS with everything inside: `npm install --global` of its tarball needs nothing else, and Node can make a
// single executable of it (docs/decisions/0083).

/** The version of the package in place of the reading of its package.json. `declaration` is the line that `src/version.ts` comes down to. */
export function versionInside(directory: string, declaration: (version: string) => string): Plugin {
  return {
    name: 'version-inside',
    setup(build) {
      const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { readonly version: string };
      build.onLoad({ filter: /\/src\/version\.ts$/ }, ({ path }) => (path === join(directory, 'src/version.ts') ? { contents: declaration(version) } : undefined));
    },
  };
}

/** Half of a program would be blanks and comments (licences are beside it), and other characters than ASCII can double its size in memory. Names stay, for stack traces. */
export const compact = { minifyWhitespace: true, minifySyntax: true, charset: 'ascii', legalComments: 'none' } as const;

type TsupPlugin = NonNullable<Options['plugins']>[number];

/** esbuild splits only ES modules into chunks; this makes each of them CommonJS, and a dynamic import of one a `require` when it is asked for. */
export const chunksToCommonJs: TsupPlugin = {
  name: 'chunks-to-common-js',
  async renderChunk(code) {
    const { code: rendered } = await transform(code, { format: 'cjs', platform: 'node', target: 'node22', supported: { 'dynamic-import': false }, ...compact });
    return { code: rendered };
  },
};

/** Says beside the output that it is CommonJS, though the package is not. */
export const commonJsInside: Plugin = {
  name: 'common-js-inside',
  setup(build) {
    build.onEnd(() => {
      const directory = outputDirectory(build.initialOptions);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'package.json'), '{"type":"commonjs"}\n');
    });
  },
};

/** The licences of all foreign packages that were put inside, one file each, in `licenses` beside the output; `inside-NAME.txt` there names those of NAME.js and its chunks. */
export const licensesBeside: Plugin = {
  name: 'licenses-beside',
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      const folders = new Map<string, string>();
      for (const input of Object.keys(metafile?.inputs ?? {})) {
        const match = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(resolve(input));
        if (match?.[1] !== undefined && match[2] !== undefined) folders.set(match[2], match[1]);
      }
      const directory = join(outputDirectory(build.initialOptions), 'licenses');
      mkdirSync(directory, { recursive: true });
      for (const entry of Object.keys(build.initialOptions.entryPoints ?? {})) writeFileSync(join(directory, `inside-${entry}.txt`), [...folders.keys()].sort().map((name) => `${name}\n`).join(''));
      for (const [name, folder] of folders) writeFileSync(join(directory, `${name.replace('@', '').replace('/', '-')}.txt`), licenseOf(name, folder));
    });
  },
};

function licenseOf(name: string, folder: string): string {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly version: string; readonly license?: string };
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  return [`${name} ${version} (${license ?? 'see below'})\n`, ...texts.map((file) => readFileSync(join(folder, file), 'utf8'))].join('\n');
}

function outputDirectory({ outdir, outfile }: { readonly outdir?: string; readonly outfile?: string }): string {
  if (outdir !== undefined) return resolve(outdir);
  if (outfile !== undefined) return dirname(resolve(outfile));
  throw new Error('the build has no place to write to');
}

/** etcd3 reads its protocol from files of its own folder when it is loaded; here it is read when the bundle is made. */
export const etcdProtocolInside: Plugin = {
  name: 'etcd-protocol-inside',
  setup(build) {
    build.onLoad({ filter: /\/etcd3\/lib\/connection-pool\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const reading = 'loadSync)(`${__dirname}/../proto/rpc.proto`,';
      const file = join(dirname(path), '../proto/rpc.proto');
      if (!text.includes(reading) || !existsSync(file)) throw new Error(`${path} does not read its protocol in the way that is known here`);
      const loader = createRequire(createRequire(path).resolve('@grpc/proto-loader'));
      const { Root } = loader('protobufjs') as { readonly Root: new () => { loadSync(file: string, options: object): { toJSON(): object } } };
      const protocol = new Root().loadSync(file, { keepCase: true }).toJSON();
      return { contents: text.replace(reading, () => `fromJSON)(${JSON.stringify(protocol)},`), loader: 'js' };
    });
  },
};

/** Four parts of express have each a copy of the table of media types; one is enough, and saves two megabytes of memory. */
export const oneTableOfTypes: Plugin = {
  name: 'one-table-of-types',
  setup(build) {
    const table = createRequire(createRequire(import.meta.url).resolve('express')).resolve('mime-db');
    build.onResolve({ filter: /^mime-db$/ }, () => ({ path: table }));
  },
};

/** What dbus-next uses for file descriptors, abstract sockets by address, and displays: native or never called from here. */
export const dbusWithoutExtras: Plugin = {
  name: 'dbus-without-extras',
  setup(build) {
    build.onResolve({ filter: /^(usocket|event-stream|x11)$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};' }));
  },
};
