import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { publishedProjects, repositoryRoot } from './projects.ts';

const projects = publishedProjects();
const packages = projects.filter(({ folder }) => folder.startsWith('packages/'));
const read = (directory: string, file: string): string => readFileSync(join(directory, file), 'utf8');

it('finds the packages and apps', () => {
  expect(projects.map(({ folder }) => folder)).toEqual(expect.arrayContaining(['packages/unit-parser', 'packages/scheduler', 'packages/registry', 'packages/systemd', 'packages/api-client', 'apps/fleetd', 'apps/fleetctl']));
});

describe.each(projects)('$folder', ({ name, folder, directory, manifest }) => {
  it('can be published: licence, repository, engines, files, exports, public access', () => {
    expect(manifest).toMatchObject({ license: 'Apache-2.0', repository: { type: 'git' }, engines: { node: expect.stringMatching(/^>=22/) as unknown }, publishConfig: { access: 'public' } });
    expect(manifest['files']).toEqual(expect.arrayContaining(['dist', 'README.md']));
    expect(manifest['exports']).toHaveProperty(['./package.json']);
    // A package is imported, an app is run; an app may be imported as well.
    if (folder.startsWith('packages/')) expect(Object.keys(manifest['exports'] as object)).toContain('.');
    else expect(manifest['bin']).toEqual({ [name.replace('@fleet/', '')]: './dist/main.js' });
    expect(manifest['private']).toBeUndefined();
  });

  it('depends on other packages of the workspace by a version that they have', () => {
    const versions = new Map(projects.map((project) => [project.name, String(project.manifest['version'])]));
    const { dependencies, devDependencies } = manifest as { readonly dependencies?: Record<string, string>; readonly devDependencies?: Record<string, string> };
    for (const [dependency, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!dependency.startsWith('@fleet/')) continue;
      expect({ dependency, range }).toEqual({ dependency, range: `^${versions.get(dependency) ?? 'a version'}` });
    }
  });

  it('has the licence of the repository', () => {
    expect(read(directory, 'LICENSE')).toBe(read(repositoryRoot, 'LICENSE'));
  });

  it('has a README that says what it is for, and a changelog', () => {
    const readme = read(directory, 'README.md');
    const title = readme.slice(0, readme.indexOf('\n'));
    expect(title).toContain(name.replace('@fleet/', ''));
    expect(readme).toMatch(/This (package|app|program|daemon) exists so/);
    // Releases are put on top.
    expect(read(directory, 'CHANGELOG.md')).toMatch(/^## \d+\.\d+\.\d+/);
  });

  it('lists its public names one by one', () => {
    const entries = entryFiles(directory, manifest);
    expect(entries.length).toBeGreaterThan(0);
    // All names of another entry point are as good as listed: they are, there.
    const others = entries.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/export \*.*from '(.*)'/g)].map((match) => join(dirname(file), match[1] ?? '')));
    expect(others.filter((file) => !entries.includes(file))).toEqual([]);
  });
});

describe.each(packages)('$folder as a library', ({ name, directory }) => {
  it('has a README with installation, its example, exported names and what it leaves to others', () => {
    const readme = read(directory, 'README.md');
    const headings = readme.split('\n').filter((line) => line.startsWith('## '));
    expect(headings.slice(0, 3)).toEqual(['## Install', '## Example', '## Exports']);
    expect(headings.at(-1)).toBe('## What it leaves to others');
    expect(readme).toContain(`npm install ${name}`);
  });

  it('has a README that shows an example that runs, and what it prints', async () => {
    const blocks = [...read(directory, 'README.md').matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, text]) => ({ language, text }));
    expect(blocks).toContainEqual({ language: 'ts', text: read(directory, 'examples/basic.ts') });
    // The client's changes whatever fleet it finds, so its own tests give it one.
    if (name === '@fleet/api-client') return;
    const flags = ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning'];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, join(directory, 'examples/basic.ts')], { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 30_000 });
    expect(blocks).toContainEqual({ language: 'text', text: stdout });
  }, 60_000);

  it('exports something', () => {
    expect(read(directory, 'src/index.ts')).toMatch(/export (type )?\{[^}]*\w[^}]*\}/);
  });
});

/** The sources of all entry points; of a program, the one that is run. */
function entryFiles(directory: string, manifest: Readonly<Record<string, unknown>>): readonly string[] {
  const sources = Object.values(manifest['exports'] as Readonly<Record<string, string | Readonly<Record<string, unknown>>>>).flatMap((target) => (typeof target === 'string' ? [] : [String(target['@fleet/source'])]));
  return (sources.length === 0 ? ['src/main.ts'] : sources).map((file) => join(directory, file)).filter(existsSync);
}
