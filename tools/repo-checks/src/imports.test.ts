import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { builtModules } from './built-modules.ts';
import { repositoryRoot } from './projects.ts';

const sources = (pattern: string): readonly string[] => globSync(pattern, { cwd: repositoryRoot }).filter((file) => !file.endsWith('.test.ts') && !file.includes('/testing/') && !file.includes('/dist/'));
const importsOf = (file: string): readonly string[] =>
  [...readFileSync(join(repositoryRoot, file), 'utf8').matchAll(/(?:from|import|import\()\s*['"]([^'"]+)['"]/g)].map((match) => match[1] ?? '');

describe('libraries stay behind their adapter', () => {
  it.each([
    ['etcd3', 'packages/registry/src/etcd/'],
    ['dbus-next', 'packages/systemd/src/dbus/'],
  ])('%s is imported below %s only', (library, home) => {
    const users = sources('{packages,apps}/*/src/**/*.ts').filter((file) => importsOf(file).some((name) => name === library || name.startsWith(`${library}/`)));
    expect(users.filter((file) => !file.startsWith(home))).toEqual([]);
    expect(users.length).toBeGreaterThan(0);
  });
});

describe('pure packages', () => {
  it.each(['unit-parser', 'model', 'scheduler'])('%s imports only files of its own, packages it may use, and node:crypto', (name) => {
    const allowed = { 'unit-parser': ['node:crypto'], model: ['@fleet/unit-parser'], scheduler: ['@fleet/model', '@fleet/unit-parser'] }[name] ?? [];
    const foreign = sources(`packages/${name}/src/**/*.ts`).flatMap((file) => importsOf(file).filter((target) => !target.startsWith('.') && !allowed.includes(target)).map((target) => `${file}: ${target}`));
    expect(foreign).toEqual([]);
  });

  it.each(['model', 'scheduler', 'unit-parser'])('%s does not read the time or roll dice', (name) => {
    const users = sources(`packages/${name}/src/**/*.ts`).filter((file) => /\bDate\.now\(|new Date\(\)|performance\.now\(|Math\.random\(/.test(readFileSync(join(repositoryRoot, file), 'utf8')));
    expect(users).toEqual([]);
  });
});

describe('the built fleetctl', () => {
  const dist = join(repositoryRoot, 'apps/fleetctl/dist');
  // What only `--driver=etcd` loads, which talks to the store by itself.
  const onDemand = 'store.js';

  it('is built', () => {
    expect(existsSync(join(dist, 'main.js'))).toBe(true);
  });

  it('has the store in a part of its own', () => {
    const [store] = builtModules(dist).filter(({ file }) => file.endsWith(`/${onDemand}`));
    expect(store?.bundled).toEqual(expect.arrayContaining(['etcd3', '@grpc/grpc-js', 'express']));
  });

  it.each(['etcd3', '@grpc/grpc-js', 'dbus-next', 'express', 'prom-client', 'typescript', '@fleet/registry/etcd', '@fleet/systemd', '@fleet/api-server'])('holds or loads %s in no part that every user loads', (library) => {
    const parts = builtModules(dist).filter(({ file }) => !file.endsWith(`/${onDemand}`));
    expect(parts.length).toBeGreaterThan(0);
    const users = parts.filter(({ imports, bundled }) => [...imports, ...bundled].some((name) => name === library || name.startsWith(`${library}/`)));
    expect(users.map(({ file }) => file)).toEqual([]);
  });
});
