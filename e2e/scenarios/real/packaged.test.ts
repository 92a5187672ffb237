// fleetd as it is packaged: readiness, socket activation, upgrades that touch no unit, a bad configuration.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { builtFleetd, repository } from '../../src/built.ts';
import type { RealClusterMachine } from '../../src/real/real-cluster-machine.ts';
import { activeCounts, describeRealScenarios, expectSoon, expectThroughout, fixture, fleetctl, rows, scenario } from '../../src/scenario.ts';

const packaging = (file: string): string => readFileSync(join(repository, 'apps/fleetd/packaging', file), 'utf8');

/** Replaces the scenarios' own fleet.service by the packaged units. They run as root here: the machines have no polkit. */
async function installPackage({ real }: RealClusterMachine): Promise<void> {
  real.writeFile('/usr/bin/fleetd', `#!/bin/sh\nexec "${process.execPath}" "${builtFleetd()}" "$@"\n`, 0o755);
  real.writeFile('/etc/systemd/system/fleet.service', packaging('fleet.service'));
  real.writeFile('/etc/systemd/system/fleet.socket', packaging('fleet.socket'));
  // The clone may lie below /tmp or a home directory.
  real.writeFile('/etc/systemd/system/fleet.service.d/test.conf', '[Service]\nUser=root\nGroup=root\nPrivateTmp=no\nProtectHome=no\n');
  real.writeFile('/etc/systemd/system/fleet.socket.d/test.conf', '[Socket]\nSocketGroup=root\n');
  real.writeFile('/etc/fleet/fleet.conf', `${real.readFile('/etc/fleet/fleet.conf')}shutdown=keep\n`);
  await real.output(['systemctl', 'daemon-reload']);
}

describeRealScenarios('the packaged fleetd', { machines: 1 }, (cluster) => {
  const machine = (): RealClusterMachine => cluster().machines[0]!;
  const show = async (property: string): Promise<string> => (await machine().real.output(['systemctl', 'show', '--value', `--property=${property}`, 'fleet.service'])).trim();

  scenario('is ready once it has joined, keeps units over a restart, and is started by a connection', async () => {
    const { real } = machine();
    await machine().stopDaemon();
    await installPackage(machine());
    await machine().startDaemon();
    // Type=notify: the start returns when the daemon says it is ready, and then the API has real answers.
    expect([await show('ActiveState'), (await rows(cluster(), 'list-machines')).length]).toEqual(['active', 1]);

    await fleetctl(cluster(), 'start', fixture('hello.service'));
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    const before = await machine().units();
    await real.output(['systemctl', 'restart', 'fleet.service'], { timeoutMs: 60_000 });
    expect(await machine().units()).toEqual(before);
    await expectSoon(async () => (await rows(cluster(), 'list-units')).length, 1);

    await real.output(['systemctl', 'stop', 'fleet.service'], { timeoutMs: 60_000 });
    expect(await machine().units()).toEqual(before);
    expect(await show('ActiveState')).toBe('inactive');
    // The socket still listens: the first request brings the daemon back.
    await real.exec(['fleetctl', 'list-machines'], { timeoutMs: 60_000 });
    await expectSoon(() => show('ActiveState'), 'active');
    await expectThroughout(() => machine().units(), before, 1_000);
    await expectSoon(async () => (await rows(cluster(), 'list-units')).length, 1);
  });

  scenario('is not started with a configuration that cannot be, and says file, line and key', async () => {
    const { real } = machine();
    const good = real.readFile('/etc/fleet/fleet.conf');
    await real.output(['systemctl', 'stop', 'fleet.socket']);
    await machine().stopDaemon();
    real.writeFile('/etc/fleet/fleet.conf', `${good}token_limit=many\nagent_ttl=soon\n`);
    const { code, stdout, stderr } = await real.exec(['fleetd', '--check-config']);
    expect(code).not.toBe(0);
    const said = stdout + stderr;
    const line = good.split('\n').length;
    expect(said).toMatch(new RegExp(`fleet\\.conf:${line}\\b.*token_limit`));
    expect(said).toMatch(new RegExp(`fleet\\.conf:${line + 1}\\b.*agent_ttl`));
    real.writeFile('/etc/fleet/fleet.conf', good);
    await machine().startDaemon();
    expect((await rows(cluster(), 'list-machines')).length).toBe(1);
  });
});
