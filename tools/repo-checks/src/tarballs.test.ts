import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { publishedProjects, repositoryRoot } from './projects.ts';

const run = promisify(execFile);
const projects = publishedProjects();

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describe('packed tarballs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-pack-'));
  let packed: ReadonlyMap<string, Packed>;

  beforeAll(async () => {
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', `--pack-destination=${directory}`, ...projects.flatMap(({ folder }) => ['--workspace', folder])], {
      cwd: repositoryRoot,
      maxBuffer: 64 * 1024 * 1024,
    });
    const answer = JSON.parse(stdout) as readonly Packed[] | Readonly<Record<string, Packed>>;
    packed = new Map(Object.values(answer).map((one: Packed) => [one.name, one]));
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const tarballPath = (name: string): string => join(directory, packed.get(name)!.filename.replace(/^@/, '').replace('/', '-'));

  it.each(projects)('$folder holds its build, README and licence terms, and no tests or sources', ({ name }) => {
    const files = packed.get(name)!.files.map(({ path }) => path);
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md']));
    expect(files.some((file) => file.startsWith('dist/'))).toBe(true);
    expect(files.filter((file) => /\.test\.|^src\/|^testdata\//.test(file))).toEqual([]);
  });

  it.each(projects)('$folder passes publint', async ({ name, folder }) => {
    const pkgDir = join(directory, folder.replace('/', '-'));
    mkdirSync(pkgDir);
    await run('tar', ['-xzf', tarballPath(name), '-C', pkgDir, '--strip-components=1']);
    const { messages, pkg } = await publint({ pkgDir, level: 'warning', strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  }, 60_000);

  it.each(projects.filter(({ folder }) => folder.startsWith('packages/')))('$folder has types that every way of importing it finds', async ({ name }) => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarballPath(name)))));
    if (!analysis.types) throw new Error(`${name} has no types`);
    // `node10` is the resolution of TypeScript before package exports: it knows no entry points such as `registry/etcd`.
    const problems = analysis.problems.filter((problem) => !('resolutionKind' in problem && problem.resolutionKind === 'node10'));
    expect(problems).toEqual([]);
  }, 60_000);
});
