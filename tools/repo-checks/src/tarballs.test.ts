import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packProjects, unpack, type Packed } from './pack.ts';
import { publishedProjects } from './projects.ts';

const projects = publishedProjects();

describe('packed tarballs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-pack-'));
  let packed: ReadonlyMap<string, Packed>;

  beforeAll(async () => {
    packed = await packProjects(projects, directory);
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each(projects)('$folder holds its build, README, licence and changelog, whatever its manifest points at, and no tests', ({ name, folder, manifest }) => {
    const { files } = packed.get(name)!;
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', ...targets([manifest['exports'], manifest['bin'], manifest['main'], manifest['types']])]));
    expect(files.filter((file) => /\.test\.|^testdata\/|^bench\/|^tmp\/|^executable\//.test(file))).toEqual([]);
    if (folder === 'apps/fleetd') for (const file of ['fleet.service', 'fleet.socket', 'fleet.sysusers.conf', '50-fleet.rules', 'fleet.conf']) expect(files).toContain(`packaging/${file}`);
    // A program needs nothing from elsewhere, so it brings the licences of what is inside.
    if (folder.startsWith('apps/')) expect(files.filter((file) => file.startsWith('dist/licenses/')).length).toBeGreaterThan(10);
  });

  it.each(projects)('$folder passes publint', async ({ name, folder }) => {
    const pkgDir = join(directory, folder.replace('/', '-'));
    await unpack(packed.get(name)!, pkgDir);
    const { messages, pkg } = await publint({ pkgDir, level: 'warning', strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  }, 60_000);

  it.each(projects.filter(({ folder }) => folder.startsWith('packages/')))('$folder has types that every way of importing it finds', async ({ name }) => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(packed.get(name)!.tarball))));
    if (!analysis.types) throw new Error(`${name} has no types`);
    // `node10` is the resolution of TypeScript before package exports: it knows no entry points such as `registry/etcd`.
    const problems = analysis.problems.filter((problem) => !('resolutionKind' in problem && problem.resolutionKind === 'node10'));
    expect(problems).toEqual([]);
  }, 60_000);
});

/** The files that `exports`, `bin` and the like name, as paths in the tarball. */
function targets(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value.replace(/^\.\//, '')];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targets) : [];
}
