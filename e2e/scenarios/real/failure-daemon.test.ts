// Rows of the failure table in docs/operations.md: what becomes of a machine's units when its daemon ends, and how.
import { expect } from '@jest/globals';
import { appendConfig, reconfigure, serviceProperty } from '../../src/real/daemon-control.ts';
import type { RealClusterMachine } from '../../src/real/real-cluster-machine.ts';
import { clusterProcesses, doubleRunMs, monotonicMs, unitProcesses } from '../../src/real/unit-history.ts';
import { activeCounts, describeRealScenarios, expectSoon, expectThroughout, fixture, fleetctl, machineNamed, rows, scenario, whereActive } from '../../src/scenario.ts';

// With time for a slow computer to start a daemon, or a machine, again before its lease has ended.
describeRealScenarios('a daemon ends', { machines: 2, agentTtlMs: 20_000 }, (cluster) => {
  const processes = () => clusterProcesses(cluster().machines);
  const listed = async (): Promise<number> => (await rows(cluster(), 'list-machines')).length;
  const home = async (unit: string): Promise<readonly [RealClusterMachine, RealClusterMachine]> => {
    await expectSoon(async () => (await whereActive(cluster(), unit)).length, 1);
    const { name } = machineNamed(cluster(), (await whereActive(cluster(), unit))[0]);
    const machine = cluster().machines.find((candidate) => candidate.name === name)!;
    return [machine, cluster().machines.find((candidate) => candidate !== machine)!];
  };

  scenario('kill -9 and a new start touch no unit, and a one-shot that has finished is not run again', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'), fixture('goodbye.service'));
    await fleetctl(cluster(), 'start', '--no-block', fixture('global.service'), fixture('once.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'goodbye.service': 1, 'global.service': 2 });
    const timesRun = async (): Promise<number> => {
      const counts = await Promise.all(cluster().machines.map(async ({ real }) => (await real.exec(['cat', '/var/lib/fleet-once'])).stdout.split('\n').filter(Boolean).length));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await expectSoon(timesRun, 1);
    const before = await processes();
    for (const machine of cluster().machines) {
      await machine.killDaemon();
      expect(await processes()).toEqual(before);
      await machine.startDaemon();
    }
    await expectSoon(listed, 2);
    await expectThroughout(processes, before, 1_500);
    expect(await timesRun()).toBe(1);
  });

  scenario('a stop with shutdown=keep and a new start touch no unit', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await fleetctl(cluster(), 'start', '--no-block', fixture('global.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'global.service': 2 });
    const [machine] = await home('hello.service');
    await reconfigure(machine, 'shutdown=keep');
    const before = await processes();
    await machine.stopDaemon();
    expect([await serviceProperty(machine, 'ActiveState'), await serviceProperty(machine, 'Result')]).toEqual(['inactive', 'success']);
    expect(await processes()).toEqual(before);
    await machine.startDaemon();
    expect(await listed()).toBe(2);
    await expectThroughout(processes, before, 1_500);
    await reconfigure(machine, 'shutdown=purge');
  });

  scenario('a stop (purge) hands the units over: stopped here before they start elsewhere, and the machine leaves at once', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await fleetctl(cluster(), 'start', '--no-block', fixture('global.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'global.service': 2 });
    const [machine, other] = await home('hello.service');
    const before = monotonicMs();
    await machine.stopDaemon();
    expect([await serviceProperty(machine, 'ActiveState'), await serviceProperty(machine, 'Result')]).toEqual(['inactive', 'success']);
    expect(await unitProcesses(machine)).toEqual([]);
    expect(await listed()).toBe(1);
    await expectSoon(() => whereActive(cluster(), 'hello.service'), [other.name]);
    expect(await doubleRunMs(cluster().machines, 'hello.service', before)).toBe(0);
    // The global unit's state on the machine that stays is not lost with the other's.
    expect((await rows(cluster(), 'list-units', '--fields=unit,active')).map(([unit, active]) => `${unit} ${active}`).sort()).toEqual(['global.service active', 'hello.service active']);
    await machine.startDaemon();
    await expectSoon(async () => (await activeCounts(cluster()))['global.service'], 2);
    expect(await whereActive(cluster(), 'hello.service')).toEqual([other.name]);
  });

  scenario('a wrong configuration at HUP changes nothing and says what is wrong', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    const [machine] = await home('hello.service');
    const before = { pid: await serviceProperty(machine, 'MainPID'), units: await processes() };
    const config = machine.real.readFile('/etc/fleet/fleet.conf');
    appendConfig(machine, 'metadat=wrong');
    await machine.real.output(['systemctl', 'kill', '--signal=HUP', '--kill-who=main', 'fleet.service']);
    await expectSoon(async () => /metadat\b.*\n?.*stays in force/s.test(await machine.daemonLog()), true);
    expect({ pid: await serviceProperty(machine, 'MainPID'), units: await processes() }).toEqual(before);
    machine.real.writeFile('/etc/fleet/fleet.conf', config);
  });

  scenario('a machine that loses power and is back within the TTL waits for its old lease; its units move once', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    const [machine, other] = await home('hello.service');
    const cutAt = monotonicMs();
    await machine.powerCut();
    await machine.boot();
    const backMs = monotonicMs() - cutAt;
    await expectSoon(() => whereActive(cluster(), 'hello.service'), [other.name], cluster().agentTtlMs + 10_000);
    await expectSoon(listed, 2);
    await expectThroughout(() => whereActive(cluster(), 'hello.service'), [other.name], 1_000);
    process.stdout.write(`power cut, serving again after ${Math.round(backMs)} ms (TTL ${cluster().agentTtlMs} ms)\n`);
  });
});
