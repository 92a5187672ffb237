// What fleetctl does over SSH between real machines: F9, F37, F39.
import { expect } from '@jest/globals';
import { newHostKey, startSshServers } from '../../src/machines/sshd.ts';
import type { RealClusterMachine } from '../../src/real/real-cluster-machine.ts';
import { activeCounts, describeRealScenarios, expectSoon, fixture, fleetctl, scenario, whereActive } from '../../src/scenario.ts';

const trusting = ['--ssh-username=root', '--strict-host-key-checking=false'];

describeRealScenarios('SSH', { machines: 2 }, (cluster) => {
  let isServing = false;
  const withSsh = async (): Promise<void> => {
    if (!isServing) await startSshServers(cluster().machines.map(({ real }) => real));
    isServing = true;
  };
  const otherThan = (name: string | undefined): RealClusterMachine => cluster().machines.find((machine) => machine.name !== name)!;

  scenario('ssh, status and journal reach the machine of a unit (F9)', async () => {
    await withSsh();
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    const [where] = await whereActive(cluster(), 'hello.service');
    const { real } = otherThan(where);
    const echo = await real.exec(['fleetctl', ...trusting, 'ssh', 'hello.service', 'echo works; hostname']);
    expect(echo).toMatchObject({ code: 0, stdout: `works\n${where ?? ''}\n` });
    const failed = await real.exec(['fleetctl', ...trusting, 'ssh', 'hello.service', 'exit 7']);
    expect(failed.code).toBe(7);
    const status = await real.exec(['fleetctl', ...trusting, 'status', 'hello.service']);
    expect(status.stdout).toMatch(/Active: active/);
    await expectSoon(async () => (await real.exec(['fleetctl', ...trusting, 'journal', 'hello.service'])).stdout.includes('hello'), true);
  });

  scenario('a unit that fails says why, with its last lines', async () => {
    await withSsh();
    const [first] = cluster().machines;
    const file = '/root/failing.service';
    // Whichever machine it is on: that one is asked itself, the other over SSH.
    for (const { real } of cluster().machines.slice(0, 2)) {
      await real.output(['sh', '-c', `printf '[Service]\\nExecStart=/bin/sh -c "echo about to fail; exit 3"\\n' > ${file}`]);
      const { code, stderr } = await real.exec(['fleetctl', ...trusting, 'start', file]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^Error waiting for units: unit failing\.service failed on \w+\.\.\.\/\S+: result exit-code: main process exited with status 3$/m);
      expect(stderr).toMatch(/^ {2}\| about to fail$/m);
    }
    const status = await first!.real.exec(['fleetctl', ...trusting, 'status', 'failing.service']);
    expect(status).toMatchObject({ code: 3, stdout: expect.stringMatching(/Active: failed \(Result: exit-code\)/) as unknown });
  });

  scenario('host keys are remembered, and a changed one is refused (F37)', async () => {
    await withSsh();
    const [first, second] = cluster().machines;
    const strict = ['fleetctl', '--ssh-username=root', '--strict-host-key-checking=true', '--known-hosts-file=/root/known', 'ssh', second!.id, 'echo reached'];
    await first!.real.output(['sh', '-c', ': > /root/known']);
    expect(await first!.real.exec(strict, { input: 'yes\n' })).toMatchObject({ code: 0, stdout: expect.stringContaining('reached') as unknown });
    await newHostKey(second!.real);
    await second!.real.output(['systemctl', 'restart', 'fleet-sshd.service']);
    expect((await first!.real.exec(strict)).code).not.toBe(0);
    await first!.real.output(['sh', '-c', ': > /root/known']);
    expect(await first!.real.exec(strict, { input: 'yes\n' })).toMatchObject({ code: 0, stdout: expect.stringContaining('reached') as unknown });
  });

  scenario('a tunnel carries whole batches (F39)', async () => {
    await withSsh();
    const [first, second] = cluster().machines;
    await first!.real.output(['sh', '-c', 'rm -f /root/known']);
    const tunnel = ['fleetctl', '--ssh-username=root', `--tunnel=${second!.real.address}`, '--strict-host-key-checking=true', '--known-hosts-file=/root/known'];
    const one = await first!.real.exec([...tunnel, 'start', fixture('hello.service')], { input: 'yes\n', timeoutMs: 60_000 });
    expect({ code: one.code, failed: one.stderr.includes('Error') }).toEqual({ code: 0, failed: false });
    const names = Array.from({ length: 10 }, (_, index) => `hello@${index + 1}.service`);
    const more = await first!.real.exec([...tunnel, 'start', ...names.map(fixture)], { timeoutMs: 60_000 });
    expect({ code: more.code, failed: more.stderr.includes('Error') }).toEqual({ code: 0, failed: false });
    await expectSoon(async () => Object.keys(await activeCounts(cluster())).length, 11);
  });
});
