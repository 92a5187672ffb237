// What a user has after installing the packed packages, in a folder outside of the workspace.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { packProjects, unpack, type Packed } from './pack.ts';
import { publishedProjects, repositoryRoot } from './projects.ts';

const execute = promisify(execFile);
const projects = publishedProjects();
const libraries = projects.filter(({ folder }) => folder.startsWith('packages/'));
// For jest only, and only for those who write adapters of their own.
const forTests = ['@jest/globals', 'fast-check'];

/** The ways to import a library: the root, and the other entry points. */
const entryPoints = libraries.flatMap(({ name, manifest }) =>
  Object.keys(manifest['exports'] as object)
    .filter((entry) => entry !== './package.json')
    .map((entry) => `${name}${entry.slice(1)}`),
);

let directory: string;
let packed: ReadonlyMap<string, Packed>;
// No fleet is within reach: examples must not change one that runs here.
const environment = { PATH: [join(repositoryRoot, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter), HOME: tmpdir(), FLEETCTL_ENDPOINT: 'unix:///nonexistent/fleet.sock' };

async function run(cwd: string, file: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await execute(file, args, { cwd, env: environment, timeout: 200_000 })).stdout;
  } catch (error) {
    // tsc names what is wrong on standard output.
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${file} ${args.join(' ')}:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

const typeCheck = (folder: string): Promise<string> => run(folder, process.execPath, join(repositoryRoot, 'node_modules/typescript/bin/tsc'), '-p', '.');

/** Links a package of the workspace's node_modules, which npm would have fetched. */
function link(folder: string, name: string): void {
  const place = join(folder, 'node_modules', name);
  if (existsSync(place)) return;
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(join(repositoryRoot, 'node_modules', name), place);
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-installed-'));
  packed = await packProjects(projects, directory);
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('libraries installed from their tarballs', () => {
  let consumer: string;
  const node = (...args: readonly string[]): Promise<string> => run(consumer, process.execPath, '--disable-warning=ExperimentalWarning', ...args);

  beforeAll(async () => {
    consumer = join(directory, 'consumer');
    for (const { name, manifest } of libraries) {
      await unpack(packed.get(name)!, join(consumer, 'node_modules', name));
      for (const dependency of Object.keys(manifest['dependencies'] ?? {})) if (!dependency.startsWith('@fleet/')) link(consumer, dependency);
    }
    for (const name of ['@types/node', 'undici-types', ...forTests]) link(consumer, name);
    writeFileSync(join(consumer, 'package.json'), '{"name":"consumer","type":"module"}\n');
  }, 120_000);

  it('depend on nothing that no package asks for', () => {
    const asked = new Set(libraries.flatMap(({ manifest }) => Object.keys(manifest['dependencies'] ?? {})));
    expect(readdirSync(join(consumer, 'node_modules/@fleet')).map((name) => `@fleet/${name}`)).toEqual(libraries.map(({ name }) => name).sort());
    expect([...asked].filter((name) => name.startsWith('@fleet/') && !packed.has(name))).toEqual([]);
  });

  it('can be imported and required, each entry point, with the same names', async () => {
    const usable = entryPoints.filter((entry) => !entry.endsWith('/testing'));
    const script = `
      const names = ${JSON.stringify(usable)};
      const keys = (module) => Object.keys(module).filter((key) => key !== 'default' && key !== '__esModule' && key !== 'module.exports').sort();
      Promise.all(names.map(async (name) => [name, { imported: keys(await import(name)), required: keys(require(name)), from: require.resolve(name) }]))
        .then((found) => console.log(JSON.stringify(Object.fromEntries(found))));`;
    writeFileSync(join(consumer, 'load.cjs'), script);
    const found = JSON.parse(await node('load.cjs')) as Readonly<Record<string, { readonly imported: readonly string[]; readonly required: readonly string[]; readonly from: string }>>;
    expect(Object.keys(found).sort()).toEqual([...usable].sort());
    for (const [name, { imported, required, from }] of Object.entries(found)) {
      expect({ name, required }).toEqual({ name, required: imported });
      expect({ name, some: imported.length > 0, here: from.startsWith(consumer) }).toEqual({ name, some: true, here: true });
    }
  }, 120_000);

  it.each(libraries)('the example of $folder runs', async ({ folder, name }) => {
    const example = `${name.replace('@fleet/', '')}.ts`;
    copyFileSync(join(consumer, 'node_modules', name, 'examples/basic.ts'), join(consumer, example));
    expect((await node(example)).trim()).not.toBe('');
    expect(folder).toBe(`packages/${name.replace('@fleet/', '')}`);
  }, 120_000);

  it.each([
    { resolution: 'node16', options: { module: 'node16', moduleResolution: 'node16' } },
    { resolution: 'bundler', options: { module: 'esnext', moduleResolution: 'bundler' } },
  ])('have types that a program finds by $resolution', async ({ resolution, options }) => {
    const folder = join(consumer, resolution);
    const imports = entryPoints.map((entry, index) => `import * as module${index} from '${entry}';\nexport const names${index} = Object.keys(module${index});\n`).join('');
    mkdirSync(folder);
    writeFileSync(join(folder, 'all.mts'), imports);
    writeFileSync(join(folder, 'all.cts'), imports);
    const compilerOptions = { ...options, target: 'es2023', lib: ['es2023', 'esnext.disposable', 'dom'], strict: true, noEmit: true, types: ['node'], allowImportingTsExtensions: true, skipLibCheck: false };
    // The examples are programs that use the types, not only name them.
    const examples = libraries.map(({ name }) => `../node_modules/${name}/examples/basic.ts`);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['all.mts', 'all.cts', ...examples] }));
    await typeCheck(folder);
  }, 240_000);

  it('have types that tell what is not there', async () => {
    const folder = join(consumer, 'wrong');
    mkdirSync(folder);
    writeFileSync(join(folder, 'wrong.mts'), "import { noSuchName } from '@fleet/unit-parser';\nexport const wrong = noSuchName;\n");
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { module: 'node16', strict: true, noEmit: true, types: [], skipLibCheck: true }, files: ['wrong.mts'] }));
    await expect(typeCheck(folder)).rejects.toThrow('noSuchName');
  }, 120_000);
});

describe('programs installed from their tarballs by npm, without a network', () => {
  let prefix: string;
  const program = (name: string, ...args: readonly string[]): Promise<string> => run(prefix, join(prefix, 'bin', name), ...args);

  beforeAll(async () => {
    prefix = join(directory, 'prefix');
    mkdirSync(prefix);
    const tarballs = ['@fleet/fleetd', '@fleet/fleetctl'].map((name) => packed.get(name)!.tarball);
    await run(directory, 'npm', 'install', '--global', `--prefix=${prefix}`, `--cache=${join(directory, 'cache')}`, '--offline', '--no-audit', '--no-fund', ...tarballs);
  }, 120_000);

  it('need nothing else', () => {
    expect(readdirSync(join(prefix, 'lib/node_modules/@fleet')).sort()).toEqual(['fleetctl', 'fleetd']);
    for (const name of ['fleetctl', 'fleetd']) expect(existsSync(join(prefix, 'lib/node_modules/@fleet', name, 'node_modules'))).toBe(false);
    expect(statSync(join(prefix, 'bin/fleetd')).mode & 0o111).toBe(0o111);
  });

  it('say their version', async () => {
    const version = String(projects.find(({ folder }) => folder === 'apps/fleetd')?.manifest['version']);
    expect(await program('fleetctl', 'version')).toBe(`fleetctl version v${version}\n`);
    expect(await program('fleetd', '--version')).toBe(`fleetd version ${version}\n`);
  });

  it('check the configuration that fleetd is packaged with', async () => {
    const file = join(prefix, 'lib/node_modules/@fleet/fleetd/packaging/fleet.conf');
    expect(await program('fleetd', '--check-config', '--config', file)).toContain('is valid');
  });

  it.each([
    ['help', /Usage/i],
    ['help start', /start/],
    ['completion bash', /complete/],
  ])('fleetctl %s', async (line, expected) => {
    expect(await program('fleetctl', ...line.split(' '))).toMatch(expected);
  });

  it('fleetctl without a daemon says so', async () => {
    await expect(program('fleetctl', `--endpoint=unix://${prefix}/no.sock`, 'list-units')).rejects.toThrow(/no\.sock/);
    // The store's part, with all that it brings.
    await expect(program('fleetctl', '--driver=etcd', '--endpoint=http://127.0.0.1:1', 'list-units')).rejects.toThrow(/127\.0\.0\.1:1|etcd/);
  }, 120_000);
});
