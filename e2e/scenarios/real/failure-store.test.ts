// Rows of the failure table in docs/operations.md: what an etcd of three members can go through without a unit noticing.
import { expect } from '@jest/globals';
import { saveSnapshot } from '../../src/machines/etcd-snapshot.ts';
import { publishedState } from '../../src/real/daemon-control.ts';
import type { EtcdMember } from '../../src/machines/etcd.ts';
import { clusterProcesses } from '../../src/real/unit-history.ts';
import { activeCounts, describeRealScenarios, expectSoon, expectThroughout, fixture, fleetctl, rows, scenario, whereActive } from '../../src/scenario.ts';

// With time to find a member that answers: one that hangs, and those that still wait for it, cost a request's time-out each.
describeRealScenarios('etcd in trouble', { machines: 3, etcdMembers: 3, agentTtlMs: 6_000 }, (cluster) => {
  const ttlMs = () => cluster().agentTtlMs;
  const processes = () => clusterProcesses(cluster().machines);
  const conflicting = [0, 1, 2].map((n) => `conflict.${n}.service`);
  const listed = async (): Promise<number> => (await rows(cluster(), 'list-machines')).length;
  const fill = async (): Promise<void> => {
    await fleetctl(cluster(), 'start', ...conflicting.map(fixture));
    await fleetctl(cluster(), 'start', '--no-block', fixture('global.service'));
    await expectSoon(() => activeCounts(cluster()), { 'global.service': 3, ...Object.fromEntries(conflicting.map((name) => [name, 1])) });
  };
  const etcdLeader = async (): Promise<EtcdMember> => {
    for (const member of cluster().etcd.members) {
      const status = JSON.parse(await cluster().etcd.ctl(['endpoint', 'status', '--write-out=json'])) as readonly { readonly Endpoint: string; readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } } }[];
      if (status.some(({ Endpoint, Status }) => Endpoint === member.clientUrl && Status.leader === Status.header.member_id)) return member;
    }
    throw new Error('no member leads');
  };
  /** Does something to members of etcd; those that have ended are started again, whatever came of it. */
  const withMembers = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } finally {
      for (const member of cluster().etcd.members) {
        const isRunning = ((): boolean => {
          try {
            return member.pid > 0;
          } catch {
            return false;
          }
        })();
        if (isRunning) member.resume();
        else await member.start();
      }
      await cluster().etcd.untilHealthy();
    }
  };
  /** Everybody is back, nothing was touched, and the cluster does its work. */
  const expectUntouched = async (before: Awaited<ReturnType<typeof processes>>): Promise<void> => {
    await expectSoon(listed, 3, 30_000);
    // A leader that found machines missing has waited for one TTL by then.
    await expectThroughout(processes, before, ttlMs() + 1_500);
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(async () => (await whereActive(cluster(), 'hello.service')).length, 1);
    await fleetctl(cluster(), 'destroy', 'hello.service');
  };

  scenario('the member that leads hangs, and then dies: nothing is touched, and units start meanwhile', async () => {
    await fill();
    const before = await processes();
    await withMembers(async () => {
      const member = await etcdLeader();
      member.pause();
      await expectSoon(async () => (await cluster().fleetctl(['start', '--no-block', fixture('goodbye.service')])).code, 0, 20_000);
      await expectSoon(async () => (await whereActive(cluster(), 'goodbye.service')).length, 1, 20_000);
      await fleetctl(cluster(), 'destroy', 'goodbye.service');
      await expectSoon(() => whereActive(cluster(), 'goodbye.service'), []);
      expect(await processes()).toEqual(before);
      member.resume();
      await member.kill();
      await expectUntouched(before);
    });
  });

  scenario('all members are killed for longer than the TTL: no unit stops or moves; what is asked meanwhile fails and is not half done', async () => {
    await fill();
    const before = await processes();
    await withMembers(async () => {
      for (const member of cluster().etcd.members) await member.kill();
      const killedAt = performance.now();
      const destroyed = await cluster().fleetctl(['destroy', conflicting[0]!], { timeoutMs: 40_000 });
      expect(destroyed.code).not.toBe(0);
      expect(destroyed.stderr).not.toBe('');
      await expectThroughout(processes, before, Math.max(1_000, ttlMs() * 2 + 1_000 - (performance.now() - killedAt)));
      expect((await cluster().machines[0]!.request({ method: 'GET', path: '/fleet/v1/units' })).status).toBe(503);
    });
    await expectUntouched(before);
    await fleetctl(cluster(), 'destroy', conflicting[0]!);
    await expectSoon(() => whereActive(cluster(), conflicting[0]!), []);
  }, 150_000);

  scenario('history is compacted while a machine cannot follow: it reads everything again and does what it missed', async () => {
    await fill();
    const before = await processes();
    const [machine, other] = cluster().machines;
    const path = await cluster().writeUnit('missed.service', `[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nMachineID=${machine!.id}\n`);
    await machine!.cut();
    expect((await cluster().fleetctl(['start', '--no-block', path], { on: other! })).code).toBe(0);
    const status = JSON.parse(await cluster().etcd.ctl(['endpoint', 'status', '--write-out=json'])) as readonly { readonly Status: { readonly header: { readonly revision: number } } }[];
    await cluster().etcd.ctl(['compact', String(Math.max(...status.map(({ Status }) => Status.header.revision)))]);
    // Its connections are broken, so that it has to begin a new watch where it left off.
    await machine!.heal();
    await machine!.real.exec(['ss', '--kill', 'dport', '=', ':2379']);
    await expectSoon(() => whereActive(cluster(), 'missed.service'), [machine!.name], 30_000);
    const kept = Object.fromEntries(Object.entries(await processes()).map(([name, units]) => [name, units.filter((unit) => unit.name !== 'missed.service')]));
    expect(kept).toEqual(before);
  });

  scenario('etcd is restored from a backup: what the backup knows is not touched, what came later is put away', async () => {
    await fill();
    const before = await processes();
    const snapshot = await saveSnapshot(cluster().world, cluster().etcd);
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(async () => (await whereActive(cluster(), 'hello.service')).length, 1);
    await fleetctl(cluster(), 'stop', conflicting[0]!);
    const [stoppedOn] = cluster().machines.filter((machine) => before[machine.name]!.some(({ name }) => name === conflicting[0]));
    await snapshot.restore();
    await expectSoon(listed, 3, 30_000);
    await expectSoon(() => whereActive(cluster(), 'hello.service'), [], 30_000);
    // The backup wants it to run: it is started again where it was.
    await expectSoon(() => whereActive(cluster(), conflicting[0]!), [stoppedOn!.name], 30_000);
    await expectSoon(async () => (await publishedState(stoppedOn!, conflicting[0]!))?.active, 'active');
    const rest = (all: Awaited<ReturnType<typeof processes>>) => Object.fromEntries(Object.entries(all).map(([name, units]) => [name, units.filter((unit) => unit.name !== conflicting[0])]));
    expect(rest(await processes())).toEqual(rest(before));
    await expectUntouched(await processes());
  }, 150_000);
});
