// fleetd as its packaged service and socket run it: readiness, watchdog, activation, priorities of its log, probes, metrics.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { builtFleetd, fleetVersion, repository } from '../../src/built.ts';
import type { RealClusterMachine } from '../../src/real/real-cluster-machine.ts';
import { activeCounts, describeRealScenarios, expectSoon, expectThroughout, fixture, fleetctl, rows, scenario } from '../../src/scenario.ts';

const packaging = join(repository, 'apps/fleetd/packaging');
const watchdogSeconds = 6;
// As root and with the computer's folders, because the repository may lie where only root may look, or below /tmp; docs/deployment.md is tested with the user fleet.
const override = `[Service]
User=root
Group=root
ProtectHome=no
PrivateTmp=no
WatchdogSec=${watchdogSeconds}
TimeoutAbortSec=2
`;

describeRealScenarios('the packaged service', { machines: 1 }, (cluster) => {
  const machine = (): RealClusterMachine => cluster().machines[0]!;
  const run = (...command: readonly string[]): Promise<string> => machine().real.output(command, { timeoutMs: 60_000 });
  const service = async (property: string): Promise<string> => (await run('systemctl', 'show', '--value', `--property=${property}`, 'fleet.service')).trim();

  let isPackaged = false;
  const usePackaged = async (): Promise<void> => {
    if (isPackaged) return;
    isPackaged = true;
    await machine().stopDaemon();
    const { real } = machine();
    real.writeFile('/usr/bin/fleetd', `#!/bin/sh\nexec ${process.execPath} ${builtFleetd()} "$@"\n`, 0o755);
    for (const unit of ['fleet.service', 'fleet.socket']) real.writeFile(`/etc/systemd/system/${unit}`, readFileSync(join(packaging, unit), 'utf8'));
    real.writeFile('/usr/lib/sysusers.d/fleet.conf', readFileSync(join(packaging, 'fleet.sysusers.conf'), 'utf8'));
    real.writeFile('/etc/systemd/system/fleet.service.d/test.conf', override);
    real.writeFile('/etc/fleet/fleet.conf', `${real.readFile('/etc/fleet/fleet.conf')}shutdown=keep\n`);
    await run('systemd-sysusers');
    await run('systemctl', 'daemon-reload');
    await machine().startDaemon();
  };

  scenario('says its version, and what is wrong with a configuration, touching nothing', async () => {
    await usePackaged();
    expect(await run('fleetd', '--version')).toBe(`fleetd version ${fleetVersion()}\n`);
    expect(await run('fleetd', '--check-config')).toBe('/etc/fleet/fleet.conf is valid\n');
    machine().real.writeFile('/root/wrong.conf', 'agent_ttl=30\n\netcd_server=http://127.0.0.1:1\n');
    const { code, stdout, stderr } = await machine().real.exec(['fleetd', '--check-config', '--config', '/root/wrong.conf']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/wrong\.conf:1\b.*agent_ttl/), expect.stringMatching(/wrong\.conf:3\b.*etcd_server\b.*etcd_servers/)]);
  });

  scenario('is started by the first connection to its socket', async () => {
    await usePackaged();
    await run('systemctl', 'stop', 'fleet.service', 'fleet.socket');
    await run('systemctl', 'start', 'fleet.socket');
    expect(await service('ActiveState')).toBe('inactive');
    expect((await run('stat', '--format=%a %U:%G', '/run/fleet.sock')).trim()).toBe('660 root:fleet');
    // Whoever comes before it has joined is told so.
    const first = await cluster().fleetctl(['list-machines']);
    if (first.code !== 0) expect(first.stderr).toContain('503');
    await expectSoon(() => service('ActiveState'), 'active');
    expect((await rows(cluster(), 'list-machines')).length).toBe(1);
    expect([await service('NRestarts'), await service('StatusText')]).toEqual(['0', 'joined the cluster']);
    // The socket is systemd's: it is there, and the same, whatever fleetd does.
    await run('systemctl', 'restart', 'fleet.service');
    expect((await rows(cluster(), 'list-machines')).length).toBe(1);
  });

  scenario('is ready when it has joined the cluster, and not before', async () => {
    await usePackaged();
    await run('systemctl', 'stop', 'fleet.service');
    await cluster().pauseStore();
    await run('systemctl', 'start', '--no-block', 'fleet.service');
    await expectSoon(async () => (await service('MainPID')) !== '0' && (await service('ExecMainStartTimestampMonotonic')) !== '0', true);
    await expectThroughout(() => service('ActiveState'), 'activating', 2_000);
    await cluster().resumeStore();
    await expectSoon(() => service('ActiveState'), 'active');
  });

  scenario('feeds the watchdog; stuck, it is killed and started again, and its units do not notice', async () => {
    await usePackaged();
    await run('systemctl', 'start', 'fleet.service');
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    const first = Number(await service('WatchdogTimestampMonotonic'));
    await expectSoon(async () => Number(await service('WatchdogTimestampMonotonic')) > first, true);

    const [before, pid] = [await machine().units(), await service('MainPID')];
    await run('kill', '-STOP', pid);
    // In this order: it counts as active until the watchdog bites.
    await expectSoon(async () => [await service('NRestarts'), await service('ActiveState')], ['1', 'active'], 60_000);
    expect(await service('MainPID')).not.toBe(pid);
    expect(await run('journalctl', '--boot', '--no-pager', '--unit=fleet.service', '--output=cat')).toContain('Watchdog timeout');
    expect(await machine().units()).toEqual(before);
    await expectSoon(async () => (await rows(cluster(), 'list-units')).length, 1);
  }, 120_000);

  scenario('logs with priorities; a reload is told to systemd, a wrong one changes nothing', async () => {
    await usePackaged();
    await run('systemctl', 'start', 'fleet.service');
    const good = machine().real.readFile('/etc/fleet/fleet.conf');
    await run('systemctl', 'reload', 'fleet.service');
    await expectSoon(async () => [await service('ActiveState'), await service('StatusText')], ['active', 'joined the cluster']);
    machine().real.writeFile('/etc/fleet/fleet.conf', `${good}agent_tll=3s\n`);
    await run('systemctl', 'reload', 'fleet.service');
    const journal = async (): Promise<readonly { readonly MESSAGE: string; readonly PRIORITY: string }[]> =>
      (await run('journalctl', '--boot', '--no-pager', '--output=json', `_SYSTEMD_UNIT=fleet.service`))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { MESSAGE: string; PRIORITY: string });
    await expectSoon(async () => (await journal()).some(({ MESSAGE, PRIORITY }) => PRIORITY === '3' && MESSAGE.includes('agent_tll')), true);
    const found = await journal();
    expect(found.find(({ MESSAGE }) => MESSAGE.includes('configuration reloaded'))?.PRIORITY).toBe('6');
    expect(found.filter(({ MESSAGE }) => MESSAGE.startsWith('<'))).toEqual([]);
    expect((await rows(cluster(), 'list-machines')).length).toBe(1);
    machine().real.writeFile('/etc/fleet/fleet.conf', good);
    await run('systemctl', 'reload', 'fleet.service');
  });

  scenario('serves probes and metrics that move', async () => {
    await usePackaged();
    await run('systemctl', 'start', 'fleet.service');
    const metric = async (name: string): Promise<number> => {
      const { status, body } = await machine().request({ method: 'GET', path: '/metrics' });
      expect(status).toBe(200);
      return Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1]);
    };
    expect((await machine().request({ method: 'GET', path: '/healthz' })).status).toBe(200);
    await expectSoon(async () => (await machine().request({ method: 'GET', path: '/readyz' })).status, 200);
    expect(await metric('fleet_agent_units')).toBe(0);
    const beats = await metric('fleet_agent_last_heartbeat_time');
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => metric('fleet_agent_units'), 1);
    expect(await metric('fleet_engine_leader_start_time')).toBeGreaterThan(0);
    await expectSoon(async () => (await metric('fleet_agent_last_heartbeat_time')) > beats, true);
    // The store is gone: the process is well, but not of use.
    await cluster().pauseStore();
    await expectSoon(async () => (await machine().request({ method: 'GET', path: '/readyz' })).status, 503, 30_000);
    expect((await machine().request({ method: 'GET', path: '/healthz' })).status).toBe(200);
    await cluster().resumeStore();
    await expectSoon(async () => (await machine().request({ method: 'GET', path: '/readyz' })).status, 200, 30_000);
  });
});
