// What only a machine with a systemd of its own can show: F11, F13, F26 to F29, F31.
import { expect } from '@jest/globals';
import { pauseStoreUntilLeaseEnds } from '../../src/real/daemon-control.ts';
import { activeCounts, describeRealScenarios, expectSoon, expectThroughout, fixture, fleetctl, rows, scenario } from '../../src/scenario.ts';

describeRealScenarios('one daemon under systemd', { machines: 1 }, (cluster) => {
  const machine = () => cluster().machines[0]!;
  const service = async (property: string): Promise<string> => (await machine().real.output(['systemctl', 'show', '--value', `--property=${property}`, 'fleet.service'])).trim();

  scenario('status of a loaded unit shows it as loaded (F11)', async () => {
    await fleetctl(cluster(), 'load', fixture('hello.service'));
    const { stdout } = await cluster().fleetctl(['status', 'hello.service']);
    expect(stdout).toContain('Loaded: loaded');
  });

  scenario('unit files are linked into /run and never copied into /etc', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    expect((await machine().real.exec(['systemctl', 'is-enabled', 'hello.service'])).stdout.trim()).toBe('linked-runtime');
    expect(machine().real.readFile('/run/fleet/units/hello.service')).toContain('Description=hello');
  });

  scenario('HUP reloads in place: same process, same units, no failed request (F26)', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    const before = { pid: await service('MainPID'), units: await machine().units() };
    await machine().real.output(['systemctl', 'kill', '--signal=HUP', 'fleet.service']);
    await expectSoon(async () => (await machine().daemonLog()).includes('Reloading configuration'), true);
    expect((await rows(cluster(), 'list-units')).length).toBe(1);
    expect(await machine().daemonLog()).not.toContain('Failed serving HTTP on listener');
    expect({ pid: await service('MainPID'), units: await machine().units() }).toEqual(before);
    expect([await service('ActiveState'), await service('Result')]).toEqual(['active', 'success']);
  });

  scenario('a stop ends with success (F27), also while the store does not answer (F28)', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await machine().stopDaemon();
    expect([await service('ActiveState'), await service('Result')]).toEqual(['inactive', 'success']);
    expect(await machine().activeUnits()).toEqual([]);
    await machine().startDaemon();
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });

    await pauseStoreUntilLeaseEnds(cluster(), machine());
    await machine().stopDaemon();
    expect([await service('ActiveState'), await service('Result')]).toEqual(['inactive', 'success']);
    await cluster().resumeStore();
    await machine().startDaemon();
  });

  scenario('connections to etcd refused for TTL + 7 s stop nothing (F29)', async () => {
    const units = ['single@inactive', 'single@loaded', 'single@launched', 'global@inactive', 'global@loaded', 'global@launched'].map((name) => `${name}.service`);
    await fleetctl(cluster(), 'submit', fixture('single@.service'), fixture('global@.service'));
    await fleetctl(cluster(), 'submit', units[0]!, units[3]!);
    await fleetctl(cluster(), 'load', '--no-block', units[1]!, units[4]!);
    await fleetctl(cluster(), 'start', '--no-block', units[2]!, units[5]!);
    await expectSoon(() => activeCounts(cluster()), { 'single@launched.service': 1, 'global@launched.service': 1 });
    await expectSoon(async () => (await rows(cluster(), 'list-units')).length, 4);
    const before = { units: await machine().units(), files: await rows(cluster(), 'list-unit-files'), states: await rows(cluster(), 'list-units') };

    const address = new URL(cluster().etcd.endpoints[0]!).hostname;
    await machine().real.output(['ip', 'route', 'add', 'prohibit', `${address}/32`]);
    await expectThroughout(() => machine().units(), before.units, cluster().agentTtlMs + 7_000);
    await machine().real.output(['ip', 'route', 'del', 'prohibit', `${address}/32`]);
    await expectSoon(async () => ({ units: await machine().units(), files: await rows(cluster(), 'list-unit-files'), states: await rows(cluster(), 'list-units') }), before);
  });
});

describeRealScenarios('two daemons under systemd', { machines: 2 }, (cluster) => {
  scenario('[Install] ties a unit to another one on its machine (F13)', async () => {
    await fleetctl(cluster(), 'load', fixture('hello.service'), fixture('discovery.service'));
    await expectSoon(async () => (await rows(cluster(), 'list-units')).length, 2);
    expect(await activeCounts(cluster())).toEqual({});
    await fleetctl(cluster(), 'start', 'hello.service');
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'discovery.service': 1 });
    await fleetctl(cluster(), 'stop', 'hello.service');
    await expectSoon(() => activeCounts(cluster()), {});
  });

  scenario('a second machine with the id of the first is kept out and says so (F31)', async () => {
    const [first, second] = cluster().machines;
    const own = second!.id;
    await second!.stopDaemon();
    second!.real.setId(first!.id);
    await second!.real.exec(['systemctl', 'start', 'fleet.service']);
    await expectSoon(async () => {
      const { code, stdout, stderr } = await second!.real.exec(['fleetctl', 'list-machines']);
      return [code, (stdout + stderr).includes('fleet server unable to communicate with etcd')];
    }, [1, true]);
    expect((await first!.real.exec(['fleetctl', 'list-machines'])).code).toBe(0);
    await second!.real.exec(['systemctl', 'stop', 'fleet.service'], { timeoutMs: 90_000 });
    second!.real.setId(own);
    await second!.startDaemon();
    await expectSoon(async () => (await rows(cluster(), 'list-machines')).length, 2);
  });
});

describeRealScenarios('three etcd members', { machines: 3, etcdMembers: 3 }, (cluster) => {
  scenario('losing one member disturbs nothing; losing the quorum stops nothing', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    const { members } = cluster().etcd;
    await members[0]!.kill();
    await fleetctl(cluster(), 'start', fixture('goodbye.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'goodbye.service': 1 });
    await members[1]!.kill();
    await expectThroughout(() => activeCounts(cluster()), { 'hello.service': 1, 'goodbye.service': 1 }, cluster().agentTtlMs * 2);
    await members[0]!.start();
    await members[1]!.start();
    await cluster().etcd.untilHealthy();
    await expectSoon(async () => (await rows(cluster(), 'list-machines')).length, 3);
    await expectThroughout(() => activeCounts(cluster()), { 'hello.service': 1, 'goodbye.service': 1 }, cluster().agentTtlMs);
  }, 120_000);
});
