import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { OriginalFleetd } from '@fleet/api-client/testing';
import { BUNDLE, runBundle, UNITS, type BundleRun } from './run-bundle.ts';
import { hasSshd, startSshServer, type SshServer } from './ssh-server.ts';
import { useCluster } from './use-cluster.ts';

const suite = hasSshd ? describe : describe.skip;

suite(`over SSH${hasSshd ? '' : ' (skipped: OpenSSH server and agent are not installed)'}`, () => {
  const { cluster, env } = useCluster({ machines: 3, hidesUnitLogs: true });
  let server: SshServer;
  let knownHosts: string;

  const program = (name: string, script: string): void => {
    writeFileSync(join(server.programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(server.programs, name), 0o755);
  };
  const fleetctl = (argv: readonly string[], stdin = ''): Promise<BundleRun> =>
    runBundle(argv, {
      cwd: UNITS,
      stdin,
      env: {
        ...server.env,
        ...env(),
        FLEETCTL_SSH_USERNAME: server.username,
        FLEETCTL_KNOWN_HOSTS_FILE: knownHosts,
      },
    });
  const port = (): string => `--ssh-port=${server.port}`;

  beforeAll(async () => {
    server = await startSshServer();
    knownHosts = join(server.folder, 'deep', 'known_hosts');
    program('systemctl', 'printf "systemctl"; for a; do printf " <%s>" "$a"; done; echo');
    program('journalctl', 'printf "journalctl"; for a; do printf " <%s>" "$a"; done; echo');
    program('sudo', 'printf "sudo "; exec "$@"');
    program('fleetctl', `exec ${process.execPath} ${BUNDLE} "$@"`);
    expect(await fleetctl(['start', 'hello', 'web@1', 'all'])).toMatchObject({ code: 0 });
  }, 60_000);
  afterAll(() => server[Symbol.dispose]());
  beforeEach(() => {
    writeFileSync(join(server.folder, 'empty'), '');
  });

  it('asks about an unknown host and takes no for an answer', async () => {
    const run = await fleetctl(['ssh', port(), 'hello', 'echo', 'hi'], 'no\n');
    expect(run.code).not.toBe(0);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain("can't be established");
    expect(run.stderr).toContain('Host key verification failed.');
  });

  it('takes yes from standard input, leaves the rest to the command, and keeps the key', async () => {
    // The end of the input ends the answer, too.
    expect(await fleetctl(['ssh', port(), `--known-hosts-file=${join(server.folder, 'other_hosts')}`, '--unit=hello', 'echo', 'hi'], 'yes')).toMatchObject({ code: 0, stdout: 'hi\n' });
    const run = await fleetctl(['ssh', port(), 'hello', 'cat'], 'yes\nfor the command\n');
    expect(run).toMatchObject({ code: 0, stdout: 'for the command\n' });
    expect(run.stderr).toContain('Permanently added');
    expect(readFileSync(knownHosts, 'utf8')).toMatch(/^\[127\.0\.0\.\d\]:\d+ ssh-ed25519 /);
    expect(await fleetctl(['ssh', port(), 'hello', 'echo', 'again'])).toEqual({ code: 0, stdout: 'again\n', stderr: '' });
  });

  it('gives the exit code of the command, and its words to the shell there as they are', async () => {
    const options = [port(), '--strict-host-key-checking=false'];
    expect(await fleetctl(['ssh', ...options, 'hello', 'echo a; exit 7'])).toEqual({ code: 7, stdout: 'a\n', stderr: '' });
    expect(await fleetctl(['ssh', ...options, '-m', '1111', 'echo', 'm'])).toEqual({ code: 0, stdout: 'm\n', stderr: '' });
    expect(await fleetctl(['ssh', ...options, 'hello', '--', 'ls', '-d', '/'])).toEqual({ code: 0, stdout: '/\n', stderr: '' });
    expect(await fleetctl(['ssh', ...options, 'hello', 'nosuchcmd'])).toMatchObject({ code: 127 });
  });

  it('opens a shell, without a terminal where there is none', async () => {
    const hosts = `--known-hosts-file=${join(server.folder, 'shell_hosts')}`;
    expect(await fleetctl(['ssh', port(), hosts, 'hello', 'true'], 'yes\n')).toMatchObject({ code: 0 });
    expect(await fleetctl(['ssh', port(), hosts, 'hello'], 'echo hi; exit 3\n')).toEqual({ code: 3, stdout: 'hi\n', stderr: '' });
  });

  it('runs systemctl status for every unit, for global ones on every machine', async () => {
    const run = await fleetctl(['status', port(), '--strict-host-key-checking=false', 'hello', 'all']);
    expect(run.stdout.replaceAll(/\d{8}\.\.\.\/127\.0\.0\.\d/g, 'MACHINE')).toBe(
      [
        'systemctl <status> <-l> <hello.service>',
        '',
        '# all.service on MACHINE',
        'systemctl <status> <-l> <all.service>',
        '',
        '# all.service on MACHINE',
        'systemctl <status> <-l> <all.service>',
        '',
        '# all.service on MACHINE',
        'systemctl <status> <-l> <all.service>',
        '',
      ].join('\n'),
    );
    expect(run).toMatchObject({ code: 0, stderr: '' });
  });

  it('runs journalctl with its options; of several units each line says whose it is', async () => {
    const options = [port(), '--strict-host-key-checking=false'];
    expect(await fleetctl(['journal', ...options, '--lines=3', '--follow', '--output=json', '--sudo', 'hello'])).toEqual({
      code: 0,
      stdout: 'sudo journalctl <--unit> <hello.service> <--no-pager> <-n> <3> <--output> <json> <-f>\n',
      stderr: '',
    });
    expect(await fleetctl(['journal', ...options, 'hello', 'web@1'])).toEqual({
      code: 0,
      stdout: 'hello.service | journalctl <--unit> <hello.service> <--no-pager> <-n> <10> <--output> <short>\nweb@1.service | journalctl <--unit> <web@1.service> <--no-pager> <-n> <10> <--output> <short>\n',
      stderr: '',
    });
  });

  it('lets the machine use the agent when asked', async () => {
    const options = [port(), '--strict-host-key-checking=false'];
    expect((await fleetctl(['ssh', ...options, 'hello', '--', 'ssh-add', '-l'])).code).not.toBe(0);
    for (const flag of ['--forward-agent', '-A', '--A=true']) {
      expect(await fleetctl(['ssh', ...options, flag, 'hello', '--', 'ssh-add', '-l'])).toMatchObject({ code: 0, stdout: expect.stringContaining('(ED25519)') as unknown });
    }
  });

  it('does not wait longer than --ssh-timeout for a server that says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    try {
      await once(silent, 'listening');
      const { port: silentPort } = silent.address() as AddressInfo;
      const begun = performance.now();
      const run = await fleetctl(['--ssh-timeout=1', 'ssh', `--ssh-port=${silentPort}`, '--strict-host-key-checking=false', '-m', '1111', 'true']);
      expect(run).toMatchObject({ code: 255, stdout: '' });
      expect(run.stderr).toMatch(/timed out/i);
      expect(performance.now() - begun).toBeLessThan(8_000);
    } finally {
      silent.close();
    }
  }, 20_000);

  it('says which of two names is meant where a word could be both', async () => {
    const options = [port(), '--strict-host-key-checking=false'];
    writeFileSync(join(server.folder, '1111.service'), '[Service]\nExecStart=/bin/sleep 1000\n');
    expect(await fleetctl(['start', join(server.folder, '1111.service')])).toMatchObject({ code: 0 });
    expect(await fleetctl(['ssh', ...options, '1111', 'true'])).toMatchObject({ code: 1, stderr: 'Unable to proceed: ambiguous argument, both machine and unit found for `1111`.\nPlease use flag `-m` or `-u` to refine the search\n' });
    expect(await fleetctl(['ssh', ...options, '-u', '1111', 'echo', 'unit'])).toMatchObject({ code: 0, stdout: 'unit\n' });
    expect(await fleetctl(['ssh', ...options, '-m', '1111', 'echo', 'machine'])).toMatchObject({ code: 0, stdout: 'machine\n' });
  });

  it('works for the machines of an original fleetd', async () => {
    await using original = await new OriginalFleetd().start();
    const options = [`--endpoint=${original.endpoint}`, port(), '--strict-host-key-checking=false'];
    expect(await fleetctl(['start', '--endpoint', original.endpoint, 'hello', 'web@1', 'all'])).toMatchObject({ code: 0, stderr: '' });
    expect(await fleetctl(['status', ...options, 'hello', 'web@1'])).toEqual({ code: 0, stdout: 'systemctl <status> <-l> <hello.service>\n\nsystemctl <status> <-l> <web@1.service>\n', stderr: '' });
    expect(await fleetctl(['status', ...options, 'all'])).toEqual({ code: 0, stdout: '# all.service on 3fa1c0de.../127.0.0.2\nsystemctl <status> <-l> <all.service>\n', stderr: '' });
    expect(await fleetctl(['journal', ...options, '--lines=2', 'hello'])).toEqual({ code: 0, stdout: 'journalctl <--unit> <hello.service> <--no-pager> <-n> <2> <--output> <short>\n', stderr: '' });
    expect(await fleetctl(['ssh', ...options, 'hello', 'echo', 'unit'])).toEqual({ code: 0, stdout: 'unit\n', stderr: '' });
    expect(await fleetctl(['ssh', ...options, '3fa1', 'exit 3'])).toEqual({ code: 3, stdout: '', stderr: '' });
    expect(await fleetctl(['restart', '--endpoint', original.endpoint, 'hello'])).toMatchObject({ code: 0, stderr: '' });
  }, 30_000);

  it('goes through a bastion to the socket and to machines', async () => {
    const tunnel = [`--tunnel=127.0.0.3:${server.port}`];
    const first = await fleetctl([...tunnel, `--known-hosts-file=${join(server.folder, 'tunnel_hosts')}`, 'list-machines', '--no-legend', '--fields=ip'], 'yes\n');
    expect(first).toMatchObject({ code: 0, stdout: '127.0.0.1\n127.0.0.2\n127.0.0.3\n' });
    const again = [...tunnel, `--known-hosts-file=${join(server.folder, 'tunnel_hosts')}`];
    expect(await fleetctl([...again, 'stop', 'web@1'])).toMatchObject({ code: 0, stderr: '' });
    expect(await fleetctl([...again, 'start', 'web@1'])).toMatchObject({ code: 0, stderr: '' });
    const remote = await fleetctl([...again, 'ssh', port(), 'hello', 'echo', 'through'], 'yes\n');
    expect(remote).toMatchObject({ code: 0, stdout: 'through\n' });
    const lost = await fleetctl([...again, '--endpoint=unix:///nosuch.sock', 'list-machines']);
    expect(lost.code).toBe(1);
    expect(lost.stderr).toContain('dial unix /nosuch.sock: connect: no such file or directory');
    expect(lost.stderr).toContain('Error retrieving list of active machines from fleet API (');
  }, 60_000);

  it('goes through a bastion to an address that is meant as seen from there', async () => {
    const socket = cluster().machines[0]?.socketPath ?? '';
    const forwarder = createServer((client) => {
      const there = connect(socket);
      client.pipe(there).pipe(client);
      for (const end of [client, there]) end.on('error', () => [client, there].forEach((each) => each.destroy()));
    }).listen(0, '127.0.0.1');
    try {
      await once(forwarder, 'listening');
      const { port: forwarded } = forwarder.address() as AddressInfo;
      const words = [`--tunnel=127.0.0.3:${server.port}`, '--strict-host-key-checking=false', `--endpoint=http://127.0.0.1:${forwarded}`];
      expect(await fleetctl([...words, 'list-machines', '--no-legend', '--fields=ip'])).toEqual({ code: 0, stdout: '127.0.0.1\n127.0.0.2\n127.0.0.3\n', stderr: '' });
      expect(await fleetctl([...words, 'restart', 'hello'])).toMatchObject({ code: 0, stderr: '' });
    } finally {
      forwarder.close();
    }
  }, 30_000);

  it('says when there is no bastion', async () => {
    const run = await fleetctl(['--tunnel=127.0.0.1:9', 'list-machines']);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('Unable to initialize client: failed initializing SSH client: 127.0.0.1:9: ssh: connect to host 127.0.0.1 port 9: Connection refused\n');
    expect(run.stderr).not.toContain('Error retrieving');
  });

  it('refuses a changed key until the file is emptied', async () => {
    await server.changeHostKey();
    const changed = await fleetctl(['ssh', port(), 'hello', 'echo', 'x'], 'yes\n');
    expect(changed.code).not.toBe(0);
    expect(changed.stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    writeFileSync(knownHosts, '');
    expect(await fleetctl(['ssh', port(), 'hello', 'echo', 'x'], 'yes\n')).toMatchObject({ code: 0, stdout: 'x\n' });
  });
});
