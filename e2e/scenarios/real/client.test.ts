// What fleetctl takes from its environment, between real machines: F38; and global units by their commands, the rest of F21.
import { expect } from '@jest/globals';
import { startSshServers } from '../../src/machines/sshd.ts';
import type { RealClusterMachine } from '../../src/real/real-cluster-machine.ts';
import { activeCounts, describeRealScenarios, expectSoon, fixture, fleetctl, scenario } from '../../src/scenario.ts';

describeRealScenarios('the client', { machines: 2 }, (cluster) => {
  let isServing = false;
  const withSsh = async (): Promise<void> => {
    if (!isServing) await startSshServers(cluster().machines.map(({ real }) => real));
    isServing = true;
  };
  const machine = (index: number): RealClusterMachine => cluster().machines[index]!;
  const run = async (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> =>
    await machine(0).real.exec(['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), 'fleetctl', ...args], { timeoutMs: 30_000 });
  const ids = (): string => `${cluster().machines.map(({ id }) => id).sort().join('\n')}\n`;
  const listing = ['list-machines', '--full', '--no-legend', '--fields=machine'];
  const listed = (): unknown => ({ code: 0, stdout: ids(), stderr: '' });

  scenario('the endpoint comes from the environment, and the command line wins (F38)', async () => {
    // A daemon that has just come up hears of the other a moment later.
    await expectSoon(() => fleetctl(cluster(), ...listing), ids());
    await machine(0).real.output(['ln', '-sf', '/run/fleet.sock', '/root/elsewhere.sock']);
    expect(await run({ FLEETCTL_ENDPOINT: 'unix:///root/elsewhere.sock' }, ...listing)).toMatchObject(listed() as object);
    expect(await run({ FLEETCTL_ENDPOINT: 'unix:///nowhere.sock' }, ...listing)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('/nowhere.sock') as unknown });
    expect(await run({ FLEETCTL_ENDPOINT: 'unix:///nowhere.sock' }, '--endpoint=unix:///run/fleet.sock', ...listing)).toMatchObject(listed() as object);
    expect(await run({ FLEETCTL_ENDPOINT: '' }, ...listing)).toMatchObject(listed() as object);
  });

  scenario('so do the others that say how to reach the cluster', async () => {
    const [store = ''] = cluster().etcd.endpoints;
    expect(await run({ FLEETCTL_DRIVER: 'etcd', FLEETCTL_ENDPOINT: store, FLEETCTL_REQUEST_TIMEOUT: '5' }, ...listing)).toMatchObject(listed() as object);
    expect(await run({ FLEETCTL_DRIVER: 'etcd', FLEETCTL_ENDPOINT: store, FLEETCTL_ETCD_KEY_PREFIX: '/another/' }, ...listing)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await run({ FLEETCTL_DRIVER: 'bogus' }, ...listing)).toMatchObject({ code: 1, stderr: expect.stringContaining('unrecognized driver "bogus"') as unknown });
    for (const name of ['FLEETCTL_CA_FILE', 'FLEETCTL_ETCD_CAFILE']) {
      expect(await run({ FLEETCTL_ENDPOINT: 'https://127.0.0.1:9', [name]: '/nope.pem' }, ...listing)).toMatchObject({ code: 1, stderr: expect.stringContaining('open /nope.pem: no such file or directory') as unknown });
    }
    const debug = await run({ FLEETCTL_DEBUG: 'true' }, ...listing);
    expect(debug).toMatchObject({ code: 0, stdout: ids(), stderr: expect.stringMatching(/ DEBUG HTTP GET http:\/\/domain-sock\S+ 200$/m) as unknown });
    // What cannot be read is ignored, as in the original.
    expect(await run({ FLEETCTL_DEBUG: 'perhaps', FLEETCTL_REQUEST_TIMEOUT: 'soon' }, ...listing)).toMatchObject(listed() as object);
    expect(await run({ FLEETCTL_HELP: 'true' }, ...listing)).toMatchObject({ code: 0, stdout: expect.stringContaining('USAGE:\n\tfleetctl list-machines') as unknown });
  });

  scenario('and those of SSH', async () => {
    await withSsh();
    const { address } = machine(1).real;
    const ssh = { FLEETCTL_SSH_USERNAME: 'root', FLEETCTL_SSH_TIMEOUT: '10' };
    const trusting = { ...ssh, FLEETCTL_STRICT_HOST_KEY_CHECKING: 'false' };
    expect(await run(trusting, 'ssh', machine(1).id, 'hostname')).toMatchObject({ code: 0, stdout: `${machine(1).name}\n` });
    expect(await run({ ...trusting, FLEETCTL_TUNNEL: address }, ...listing)).toMatchObject(listed() as object);
    // Nobody is there to answer for a key that the file does not have.
    await machine(0).real.output(['sh', '-c', 'rm -f /root/kept']);
    const strict = { ...ssh, FLEETCTL_KNOWN_HOSTS_FILE: '/root/kept' };
    expect(await run(strict, 'ssh', machine(1).id, 'hostname')).toMatchObject({ code: 255, stderr: expect.stringContaining('Host key verification failed') as unknown });
    await machine(0).real.output(['sh', '-c', `ssh-keyscan -t ed25519 ${address} > /root/kept 2>/dev/null`]);
    expect(await run(strict, 'ssh', machine(1).id, 'hostname')).toMatchObject({ code: 0, stdout: `${machine(1).name}\n` });
  });

  scenario('status and restart of a global unit reach every machine (F21)', async () => {
    await withSsh();
    await fleetctl(cluster(), 'start', fixture('hello.service'), fixture('global.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'global.service': 2 });
    const runs = async (): Promise<readonly string[]> => (await Promise.all(cluster().machines.map(async (each) => (await each.units()).filter(({ name }) => name === 'global.service').map((unit) => unit.run)))).flat();
    const before = await runs();
    const status = await machine(0).real.exec(['fleetctl', '--ssh-username=root', '--strict-host-key-checking=false', 'status', 'global.service']);
    expect({ code: status.code, active: status.stdout.match(/Active: active \(running\)/g)?.length, stderr: status.stderr }).toEqual({ code: 0, active: 2, stderr: '' });
    expect(await fleetctl(cluster(), 'restart', fixture('global.service'))).toBe('Unit global.service loaded\nUnit global.service launched\n');
    expect(await activeCounts(cluster())).toEqual({ 'hello.service': 1, 'global.service': 2 });
    const after = await runs();
    expect(after).toHaveLength(2);
    for (const each of after) expect(before).not.toContain(each);
  });
});
