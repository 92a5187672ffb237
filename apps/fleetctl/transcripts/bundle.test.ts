import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { etcdIsUsable, startTestEtcd } from '@fleet/registry/testing';
import { BUNDLE, runBundle, UNITS } from './run-bundle.ts';
import { useCluster } from './use-cluster.ts';

const run = promisify(execFile);
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string };

const { cluster, env } = useCluster({ machines: 2 });

describe('the built command', () => {
  it('knows its version', async () => {
    expect(await runBundle(['version'])).toEqual({ code: 0, stdout: `fleetctl version v${version}\n`, stderr: '' });
  });

  it('runs every part: a listing, a change, help, a usage error', async () => {
    expect(await runBundle(['start', 'hello'], { cwd: UNITS, env: env() })).toMatchObject({ code: 0, stderr: '' });
    expect((await runBundle(['list-units', '--no-legend', '--fields=unit,active'], { env: env() })).stdout).toBe('hello.service\tactive\n');
    expect((await runBundle(['help', 'start'])).stdout).toContain('fleetctl start');
    expect(await runBundle(['start', '--bogus'])).toEqual({ code: 2, stdout: '', stderr: "Error: unknown flag: --bogus\nRun 'fleetctl start --help' for usage.\n" });
  });

  it('prints a long listing through a pipe, and ends quietly when its reader does', async () => {
    const line = `${process.execPath} ${BUNDLE}`;
    const names = Array.from({ length: 3000 }, (_, index) => `long@${index}`).join(' ');
    writeFileSync(join(cluster().directory, 'long@.service'), '[Service]\nExecStart=/bin/true\n');
    // The daemon lives in this process, which must not stand still meanwhile.
    const shell = async (command: string): Promise<string> => (await run('sh', ['-c', command], { cwd: cluster().directory, env: { ...process.env, ...env(), NODE_OPTIONS: '' } })).stdout;
    expect((await shell(`${line} submit ${names} | wc -l`)).trim()).toBe('3000');
    expect((await shell(`${line} list-unit-files --full --no-legend 'long@*' | wc -l`)).trim()).toBe('3000');
    expect(await shell(`${line} list-unit-files --full 2>&1 | head -1`)).toContain('UNIT');
    expect((await shell(`${line} destroy --no-block 'long@*' | wc -l`)).trim()).toBe('3000');
  }, 60_000);
});

describe('fd-forward', () => {
  let server: Server;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'forward-'));
    // Answers only after its input has ended: an end that is not passed on would hang, one that ends everything would lose the answer.
    server = createServer({ allowHalfOpen: true }, (socket) => {
      let text = '';
      socket.setEncoding('utf8').on('data', (data: string) => (text += data));
      socket.on('end', () => socket.end(text.toUpperCase()));
    });
    await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  it('passes both ways, and the end of its input on', async () => {
    expect(await runBundle(['fd-forward', join(folder, 's')], { stdin: 'question' })).toEqual({ code: 0, stdout: 'QUESTION', stderr: '' });
  });
});

describe('--driver=etcd', () => {
  const usable = etcdIsUsable();
  (usable ? it : it.skip)(`works on the store alone${usable ? '' : ' (skipped: etcd is not installed)'}`, async () => {
    await using etcd = await startTestEtcd();
    const endpoint = [`--driver=etcd`, `--endpoint=${etcd.endpoints[0] ?? ''}`];
    expect(await runBundle([...endpoint, 'submit', 'hello'], { cwd: UNITS })).toEqual({ code: 0, stdout: 'Unit hello.service inactive\n', stderr: '' });
    expect((await runBundle([...endpoint, 'list-unit-files', '--no-legend'])).stdout).toBe('hello.service\te691c77\tinactive\tinactive\t-\n');
    expect((await runBundle([...endpoint, '--etcd-key-prefix=/another/', 'list-unit-files', '--no-legend'])).stdout).toBe('');
    expect((await runBundle([...endpoint, '--experimental-api=false', 'list-machines', '--no-legend'])).stdout).toBe('');
    expect(await runBundle([...endpoint, 'destroy', 'hello'])).toEqual({ code: 0, stdout: 'Destroyed hello.service\n', stderr: '' });
  }, 60_000);
});
