// Rows of the failure table in docs/operations.md: units, files, disk and systemd of one machine.
import { expect } from '@jest/globals';
import { pauseStoreUntilLeaseEnds, publishedState, serviceProperty } from '../../src/real/daemon-control.ts';
import { monotonicMs, unitProcesses } from '../../src/real/unit-history.ts';
import { activeCounts, describeRealScenarios, expectSoon, expectThroughout, fixture, fleetctl, rows, scenario, unitFileNames, whereActive } from '../../src/scenario.ts';

const units = '/run/fleet/units';

describeRealScenarios('a machine and its systemd', { machines: 1 }, (cluster) => {
  const machine = () => cluster().machines[0]!;
  const inside = (...command: readonly string[]): Promise<string> => machine().real.output(command);
  const state = async (unit: string): Promise<readonly string[] | undefined> => (await rows(cluster(), 'list-units', '--fields=unit,load,active')).find(([name]) => name === unit)?.slice(1);
  const processOf = async (unit: string) => (await unitProcesses(machine())).find(({ name }) => name === unit);
  const reason = async (unit: string): Promise<string> => (await publishedState(machine(), unit))?.reason ?? '';
  const write = (name: string, ...lines: readonly string[]): Promise<string> => cluster().writeUnit(name, `${lines.join('\n')}\n`);

  scenario('files removed, edited or added by hand; units that fail or are stopped by hand; an id that changes', async () => {
    const loop = 'ExecStart=/bin/sh -c "while true; do sleep 1; done"';
    const paths = await Promise.all([
      write('removed.service', '[Service]', loop),
      write('edited.service', '[Service]', loop),
      write('by-hand.service', '[Service]', loop),
      write('fails.service', '[Service]', 'ExecStart=/bin/sh -c "sleep 0.2; exit 3"'),
      write('restarts.service', '[Service]', 'Restart=always', 'RestartSec=100ms', loop),
    ]);
    await fleetctl(cluster(), 'start', '--no-block', ...paths);
    await expectSoon(() => machine().activeUnits(), ['by-hand.service', 'edited.service', 'removed.service', 'restarts.service']);
    await expectSoon(() => state('fails.service'), ['loaded', 'failed']);
    const before = { removed: await processOf('removed.service'), restarts: await processOf('restarts.service') };

    await inside('rm', `${units}/removed.service`);
    await inside('sh', '-c', `echo '# edited' >> ${units}/edited.service`);
    await inside('sh', '-c', `printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > ${units}/foreign.service; echo 'not a unit' > ${units}/.note`);
    await inside('systemctl', 'stop', 'by-hand.service');
    await inside('systemctl', 'kill', '--signal=KILL', 'restarts.service');
    await inside('sh', '-c', `cp /etc/machine-id /etc/machine-id.old; echo ${'e'.repeat(32)} > /etc/machine-id`);

    // Failed, stopped by hand, killed: left to systemd, shown at once.
    await expectSoon(() => state('by-hand.service'), ['loaded', 'inactive'], 3_000);
    await expectSoon(() => state('restarts.service'), ['loaded', 'active'], 3_000);
    expect((await processOf('restarts.service'))?.mainPid).not.toBe(before.restarts?.mainPid);
    expect(await reason('fails.service')).toMatch(/failed with result exit-code/);
    expect((await rows(cluster(), 'list-unit-files', '--fields=unit,state')).find(([name]) => name === 'by-hand.service')?.[1]).toBe('launched');

    // The slow check comes once a minute.
    await expectSoon(() => machine().real.readFile(`${units}/edited.service`).includes('# edited'), false, 75_000);
    await expectSoon(async () => (await inside('ls', units)).split('\n').filter(Boolean).sort(), ['by-hand.service', 'edited.service', 'fails.service', 'removed.service', 'restarts.service'], 5_000);
    await expectSoon(() => state('edited.service'), ['loaded', 'active']);
    expect(await processOf('removed.service')).toEqual(before.removed);
    await expectSoon(async () => (await machine().daemonLog()).includes('machine id has changed, restart fleetd to take it over'), true, 65_000);
    // What failed or was stopped by hand is still left alone.
    expect([await state('by-hand.service'), await state('fails.service')]).toEqual([['loaded', 'inactive'], ['loaded', 'failed']]);
    await inside('mv', '/etc/machine-id.old', '/etc/machine-id');
    expect((await inside('cat', `${units}/.note`)).trim()).toBe('not a unit');
  }, 180_000);

  scenario('systemd re-executed, and the bus restarted: no unit is touched, and starts, stops and states work again', async () => {
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    const before = await processOf('hello.service');
    for (const [index, trouble] of [['systemctl', 'daemon-reexec'], ['systemctl', 'restart', 'dbus.service']].entries()) {
      await inside(...trouble);
      expect(await processOf('hello.service')).toEqual(before);
      const unit = `hello@${index}.service`;
      await fleetctl(cluster(), 'start', fixture(unit));
      await expectSoon(() => state(unit), ['loaded', 'active']);
      await inside('systemctl', 'stop', unit);
      await expectSoon(() => state(unit), ['loaded', 'inactive'], 10_000);
      await fleetctl(cluster(), 'destroy', unit);
      await expectSoon(async () => (await machine().units()).map(({ name }) => name), ['hello.service']);
    }
    expect(await processOf('hello.service')).toEqual(before);
    expect(await serviceProperty(machine(), 'ActiveState')).toBe('active');
  });

  scenario('a unit that systemd refuses to start: others are not held up, the reason is shown, and it is tried again and goes away when destroyed', async () => {
    const refused = await write('refused.service', '[Unit]', 'Description=no section to run anything');
    const code = await cluster().fleetctl(['start', refused], { timeoutMs: 30_000 });
    await fleetctl(cluster(), 'start', fixture('hello.service'));
    expect(await whereActive(cluster(), 'hello.service')).toEqual([machine().name]);
    await expectSoon(async () => (await reason('refused.service')) !== '', true);
    process.stdout.write(`refused unit: fleetctl start exits ${code.code}: ${(code.stderr || code.stdout).trim()}; reason published: ${await reason('refused.service')}\n`);
    expect(code.code).not.toBe(0);
    await expectSoon(async () => (await machine().daemonLog()).split('\n').filter((line) => line.includes('will try again') && line.includes('refused.service')).length > 1, true);
    await fleetctl(cluster(), 'destroy', 'refused.service');
    await expectSoon(async () => (await machine().units()).map(({ name }) => name), ['hello.service']);
  });

  scenario('a unit that does not want to stop: it is waited for until systemd kills it, and nobody else waits', async () => {
    const stubborn = await write('stubborn.service', '[Service]', `ExecStart=/bin/sh -c "trap '' TERM; while true; do sleep 1; done"`, 'TimeoutStopSec=5', 'ExecStopPost=/bin/sh -c "echo post >> /var/lib/stubborn-post"');
    await fleetctl(cluster(), 'start', stubborn, fixture('hello.service'));
    const askedAt = monotonicMs();
    await fleetctl(cluster(), 'destroy', '--no-block', 'stubborn.service');
    await fleetctl(cluster(), 'destroy', 'hello.service');
    await expectSoon(() => whereActive(cluster(), 'hello.service'), []);
    await fleetctl(cluster(), 'start', fixture('goodbye.service'));
    await expectSoon(() => whereActive(cluster(), 'goodbye.service'), [machine().name]);
    const othersMs = monotonicMs() - askedAt;
    await expectSoon(async () => (await machine().units()).map(({ name }) => name), ['goodbye.service'], 20_000);
    process.stdout.write(`a unit that needs 5 s to stop: gone after ${Math.round(monotonicMs() - askedAt)} ms, others were done after ${Math.round(othersMs)} ms\n`);
    expect((await inside('cat', '/var/lib/stubborn-post')).trim()).toBe('post');
  });

  scenario('two clients replace a unit at once: one of them wins whole, and machine and registry agree', async () => {
    const text = (word: string): string => `[Service]\nEnvironment=WHO=${word}\nExecStart=/bin/sh -c "while true; do sleep 1; done"\n`;
    const body = (word: string, desiredState: string) => ({
      desiredState,
      options: [
        { section: 'Service', name: 'Environment', value: `WHO=${word}` },
        { section: 'Service', name: 'ExecStart', value: '/bin/sh -c "while true; do sleep 1; done"' },
      ],
    });
    await fleetctl(cluster(), 'start', await cluster().writeUnit('raced.service', text('first')));
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        ['left', 'right'].map((word) => machine().request({ method: 'PUT', path: '/fleet/v1/units/raced.service', body: body(`${word}${round}`, word === 'left' ? 'launched' : 'loaded') })),
      );
      for (const { status } of answers) expect([201, 204, 409]).toContain(status);
      expect(answers.some(({ status }) => status < 300)).toBe(true);
      const unit = JSON.parse((await machine().request({ method: 'GET', path: '/fleet/v1/units/raced.service' })).body) as { readonly desiredState: string; readonly options: readonly { readonly value: string }[] };
      const word = unit.options[0]!.value;
      expect([`WHO=left${round}`, `WHO=right${round}`]).toContain(word);
      // Text and wish are of one and the same writer.
      expect(unit.desiredState).toBe(word.startsWith('WHO=left') ? 'launched' : 'loaded');
      await expectSoon(() => machine().real.readFile(`${units}/raced.service`).includes(word), true);
    }
  });

  scenario('the disk for unit files and memory is full: what runs is not touched, what cannot be written is tried again', async () => {
    // A small file system in place of /run/fleet, with the daemon started on it.
    await machine().stopDaemon();
    await inside('mount', '-t', 'tmpfs', '-o', 'size=256k,mode=0755', 'small', '/run/fleet');
    await machine().startDaemon();
    await fleetctl(cluster(), 'start', fixture('hello.service'), fixture('goodbye.service'));
    const before = await unitProcesses(machine());
    await inside('sh', '-c', 'dd if=/dev/zero of=/run/fleet/filling bs=4k 2>/dev/null; true');

    await fleetctl(cluster(), 'start', '--no-block', fixture('hello@1.service'));
    await expectSoon(async () => (await reason('hello@1.service')).includes('ENOSPC'), true);
    expect(await unitProcesses(machine())).toEqual(before);
    // Nothing half written is left, and stopping and removing need no room.
    expect((await inside('ls', '-A', units)).split('\n').filter(Boolean)).toEqual(['goodbye.service', 'hello.service']);
    await fleetctl(cluster(), 'stop', 'goodbye.service');
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1 });
    // The lease ends while nothing can be written: the machine is back in the cluster all the same.
    await pauseStoreUntilLeaseEnds(cluster(), machine());
    await cluster().resumeStore();
    for (const line of (await cluster().etcd.ctl(['lease', 'list'])).split('\n')) if (/^[0-9a-f]{8,}$/.test(line)) await cluster().etcd.ctl(['lease', 'revoke', line]).catch(() => undefined);
    await expectSoon(async () => /the lease could not be remembered/.test(await machine().daemonLog()), true, 20_000);
    await expectSoon(async () => (await rows(cluster(), 'list-machines').catch(() => [])).length, 1, 20_000);
    expect((await unitProcesses(machine())).filter(({ name }) => name === 'hello.service')).toEqual(before.filter(({ name }) => name === 'hello.service'));

    await inside('rm', '/run/fleet/filling');
    await expectSoon(() => activeCounts(cluster()), { 'hello.service': 1, 'hello@1.service': 1 }, 30_000);
    await fleetctl(cluster(), 'destroy', ...(await unitFileNames(cluster())));
    await expectSoon(() => machine().units(), []);
    await machine().stopDaemon();
    await inside('umount', '/run/fleet');
    await machine().startDaemon();
    await expectThroughout(() => machine().units(), [], 300);
  });
});
