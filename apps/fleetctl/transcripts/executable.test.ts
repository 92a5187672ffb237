import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { etcdIsUsable, startTestEtcd } from '@fleet/registry/testing';
import { runBundle, runExecutable, UNITS } from './run-bundle.ts';
import { useCluster } from './use-cluster.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string };

const isLinux = process.platform === 'linux';

(isLinux ? describe : describe.skip)(`the single executable${isLinux ? '' : ' (skipped: it is made on Linux)'}`, () => {
  const { env } = useCluster({ machines: 2 });

  it('knows its version, and says nothing else', async () => {
    expect(await runExecutable(['version'])).toEqual({ code: 0, stdout: `fleetctl version v${version}\n`, stderr: '' });
  });

  it('starts a unit and lists it', async () => {
    expect(await runExecutable(['start', 'hello'], { cwd: UNITS, env: env() })).toMatchObject({ code: 0, stderr: '' });
    expect(await runExecutable(['list-units', '--no-legend', '--fields=unit,active'], { env: env() })).toEqual({ code: 0, stdout: 'hello.service\tactive\n', stderr: '' });
  });

  // The bundles are what all other tests run: the executable holds the same.
  it.each([[['help']], [['help', 'start']], [['list-units', '--help']], [['start', '--bogus']], [['completion', 'bash']], [['completion', 'zsh']], [['completion', 'fish']], [['list-machines']], [['why', 'nothing.service']], [['nonsense']]])(
    '%j says what the bundle says',
    async (argv) => {
      const said = await runExecutable(argv, { env: env() });
      expect(said.stdout + said.stderr).not.toBe('');
      expect(said).toEqual(await runBundle(argv, { env: env() }));
    },
  );

  const usable = etcdIsUsable();
  (usable ? it : it.skip)(`--driver=etcd works on the store alone${usable ? '' : ' (skipped: etcd is not installed)'}`, async () => {
    await using etcd = await startTestEtcd();
    const endpoint = [`--driver=etcd`, `--endpoint=${etcd.endpoints[0] ?? ''}`];
    expect(await runExecutable([...endpoint, 'submit', 'hello'], { cwd: UNITS })).toEqual({ code: 0, stdout: 'Unit hello.service inactive\n', stderr: '' });
    expect((await runExecutable([...endpoint, 'list-unit-files', '--no-legend'])).stdout).toBe('hello.service\te691c77\tinactive\tinactive\t-\n');
  }, 60_000);
});
