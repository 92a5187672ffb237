import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { archiveName, CONTENTS, repository } from './archive.ts';

const archive = join(repository, 'dist', `${archiveName()}.tar.gz`);

const isLinux = process.platform === 'linux';

(isLinux ? describe : describe.skip)(`the archive for machines${isLinux ? '' : ' (skipped: it is made on Linux)'}`, () => {
  let prefix: string;
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(join(prefix, 'bin', program), args, { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' }, cwd: prefix });

  beforeAll(() => {
    if (!existsSync(archive)) throw new Error('make it first: npm run archive');
    prefix = mkdtempSync(join(tmpdir(), 'fleet-archive-'));
    execFileSync('tar', ['-xzf', archive, '-C', prefix, '--strip-components=1']);
  }, 60_000);
  afterAll(() => rmSync(prefix, { recursive: true, force: true }));

  it('is the only one, so that a pattern finds it', () => {
    expect(globSync('dist/fleet-*', { cwd: repository })).toEqual([`dist/${archiveName()}.tar.gz`]);
  });

  it.each(CONTENTS.filter(([from]) => !from.endsWith('licenses')))('holds %s as it is', (from, to) => {
    const source = join(repository, from);
    if (statSync(source).isDirectory()) expect(readdirSync(join(prefix, to))).toEqual(expect.arrayContaining(readdirSync(source)));
    else expect(readFileSync(join(prefix, to)).equals(readFileSync(source))).toBe(true);
  });

  it('holds licences of what is inside the programs', () => {
    expect(readdirSync(join(prefix, 'share/doc/fleet/licenses'))).toEqual(expect.arrayContaining(['etcd3.txt', 'dbus-next.txt', 'oclif-core.txt', 'express.txt', 'grpc-grpc-js.txt']));
  });

  it.each(['share/bash-completion/completions/fleetctl', 'share/zsh/site-functions/_fleetctl', 'share/fish/vendor_completions.d/fleetctl.fish'])('holds the completion %s', (file) => {
    expect(readFileSync(join(prefix, file), 'utf8')).toContain('list-units');
  });

  it('has programs that run without Node', () => {
    const version = archiveName().split('-')[1] ?? '';
    expect(run('fleetctl', 'version')).toBe(`fleetctl version v${version}\n`);
    expect(run('fleetd', '--version')).toBe(`fleetd version ${version}\n`);
    expect(run('fleetd', '--check-config', '--config', join(prefix, 'share/fleet/fleet.conf'))).toContain('is valid');
  });

  it('is enough for a fleet of one machine', async () => {
    const options = { registry: 'embedded', registry_path: `${prefix}/registry.db`, systemd: 'process', process_directory: `${prefix}/process`, units_directory: `${prefix}/units`, runtime_directory: `${prefix}/run`, listen: `${prefix}/fleet.sock`, machine_id: 'archive' };
    writeFileSync(join(prefix, 'fleet.conf'), Object.entries(options).map(([key, value]) => `${key}=${value}\n`).join(''));
    const fleetd = spawn(join(prefix, 'bin/fleetd'), ['--config', join(prefix, 'fleet.conf')], { env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    const ended = once(fleetd, 'close');
    try {
      await new Promise<void>((resolve, reject) => {
        fleetd.stderr.setEncoding('utf8').on('data', (text: string) => {
          log += text;
          if (log.includes('fleetd ready')) resolve();
        });
        ended.then(() => reject(new Error(log)), reject);
      });
      const endpoint = `--endpoint=unix://${prefix}/fleet.sock`;
      expect(run('fleetctl', endpoint, 'start', join(prefix, 'share/fleet/examples/hello.service'))).toContain('Unit hello.service launched on archive');
      expect(run('fleetctl', endpoint, 'list-units', '--no-legend', '--fields=unit,active,sub')).toBe('hello.service\tactive\trunning\n');
    } finally {
      fleetd.kill('SIGTERM');
    }
    expect((await ended)[0]).toBe(0);
    // Node would complain here about what it calls experimental.
    expect(log).not.toMatch(/ExperimentalWarning|ERROR/);
  }, 60_000);
});
