import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { bundleProgram, FleetdMachine } from './testing/fleetd-process.ts';

jest.setTimeout(60_000);

let machine: FleetdMachine;
beforeAll(bundleProgram, 120_000);
beforeEach(async () => {
  machine = await FleetdMachine.create();
  await machine.configure();
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

function isAlive(pid: number): boolean {
  try {
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

/** A unit that writes its process id, so that the test can look at the process itself. */
async function startTold(fleetd: ReturnType<FleetdMachine['start']>): Promise<number> {
  const file = join(machine.directory, 'out', 'pid');
  await fleetd.putUnit('told.service', { ExecStart: `/bin/sh -c 'echo $$$$ > ${file}; exec sleep 600'` });
  await fleetd.waitForUnit('told.service', 'active');
  return await waitUntil('the process id of the unit', () => Number(existsSync(file) ? readFileSync(file, 'utf8') : 0) || undefined);
}

describe('a fleetd process', () => {
  it('kill -9 and restart touch no unit; finished ones are not run again; TERM puts all away', async () => {
    const first = machine.start();
    await first.waitForLog(/fleetd ready/);
    const pid = await startTold(first);
    const runs = join(machine.directory, 'out', 'runs');
    await first.putUnit('once.service', { Type: 'oneshot', ExecStart: `/bin/sh -c 'echo run >> ${runs}'` });
    await waitUntil('the oneshot to have run', () => existsSync(runs));
    await first.waitForUnit('once.service', 'inactive');

    expect((await first.end('SIGKILL')).signal).toBe('SIGKILL');
    expect(isAlive(pid)).toBe(true);

    const second = machine.start();
    await second.waitForLog(/agent is ready.*units=2/);
    expect(second.stderr).toMatch(/lease taken up again/);
    await second.waitForUnit('told.service', 'active');
    expect(isAlive(pid)).toBe(true);
    expect(readFileSync(runs, 'utf8')).toBe('run\n');

    expect(await second.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(machine.socket)).toBe(false);
    expect(second.stderr).toMatch(/left the cluster/);
  });

  it('shutdown is taken over by a reload, and the log says which one it is', async () => {
    await machine.configure({ shutdown: 'keep' });
    const fleetd = machine.start();
    await fleetd.waitForLog(/fleetd ready/);
    const pid = await startTold(fleetd);
    await machine.configure({ shutdown: 'purge' });
    fleetd.kill('SIGHUP');
    await fleetd.waitForLog(/configuration reloaded/);
    await fleetd.end('SIGTERM');
    expect(isAlive(pid)).toBe(false);
    expect(fleetd.stderr).toMatch(/fleetd stopping shutdown=purge/);
  });

  it('shutdown=keep leaves units running for the next fleetd', async () => {
    await machine.configure({ shutdown: 'keep' });
    const first = machine.start();
    await first.waitForLog(/fleetd ready/);
    const pid = await startTold(first);
    expect(await first.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(true);
    await machine.configure({ shutdown: 'purge' });
    const second = machine.start();
    await second.waitForLog(/agent is ready.*units=1/);
    expect(isAlive(pid)).toBe(true);
    await second.end('SIGTERM');
    expect(isAlive(pid)).toBe(false);
  });

  it('HUP reloads in place: same process, same sockets, units untouched, new metadata', async () => {
    await machine.configure({ metadata: 'region=us' });
    const fleetd = machine.start();
    await fleetd.waitForLog(/fleetd ready/);
    const pid = await startTold(fleetd);
    await machine.configure({ metadata: 'region=eu', token_limit: '7', verbosity: '1' });
    fleetd.kill('SIGHUP');
    await fleetd.waitForLog(/configuration reloaded/);
    expect(fleetd.stderr).toMatch(/INFO Reloading configuration/);
    expect(fleetd.stderr).toMatch(/only after a restart options=\["tokenLimit"\]/);
    await waitUntil('the new metadata', async () => {
      const { status, body } = await fleetd.get('/fleet/v1/machines');
      expect(status).toBe(200);
      return (body as { machines: { metadata: Record<string, string> }[] }).machines[0]?.metadata['region'] === 'eu';
    });
    expect(isAlive(pid)).toBe(true);

    writeFileSync(machine.configFile, 'nonsense=1\n');
    fleetd.kill('SIGHUP');
    await fleetd.waitForLog(/the old one stays in force/);
    expect(fleetd.stderr).toMatch(/fleet.conf:1: nonsense: there is no such option/);
    expect((await fleetd.get('/fleet/v1/machines')).status).toBe(200);
    expect((await fleetd.end('SIGTERM')).code).toBe(0);
  });

  it('HUP before it has joined does not tell the service manager that it is ready', async () => {
    await machine.configure({ registry: 'etcd', etcd_servers: 'http://127.0.0.1:1' });
    const told = join(machine.directory, 'out', 'told');
    writeFileSync(join(machine.directory, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${told}\n`, { mode: 0o755 });
    const fleetd = machine.start(undefined, { NOTIFY_SOCKET: join(machine.directory, 'notify'), PATH: `${machine.directory}:${process.env['PATH'] ?? ''}` });
    await fleetd.waitForLog(/cannot join the cluster/);
    fleetd.kill('SIGHUP');
    await fleetd.waitForLog(/configuration reloaded/);
    expect((await fleetd.end('SIGTERM')).code).toBe(0);
    expect(readFileSync(told, 'utf8')).toBe('STOPPING=1\n');
  });

  it('USR1 prints what it knows as one line of JSON', async () => {
    const fleetd = machine.start();
    await fleetd.waitForLog(/fleetd ready/);
    await startTold(fleetd);
    fleetd.kill('SIGUSR1');
    await waitUntil('the dump', () => fleetd.stdout.endsWith('\n'));
    expect(JSON.parse(fleetd.stdout)).toMatchObject({ machine: 'test-machine', agent: { units: { 'told.service': { wanted: 'launched', asked: 'launched', active: 'active' } } } });
  });

  it('says at once that the registry cannot be reached, naming it, goes on trying, and still ends on TERM', async () => {
    await machine.configure({ registry: 'etcd', etcd_servers: 'http://127.0.0.1:1' });
    const fleetd = machine.start();
    await fleetd.waitForLog(/ERROR cannot join the cluster, will try again.*http:\/\/127.0.0.1:1/);
    expect((await fleetd.get('/fleet/v1/machines')).status).toBe(503);
    expect(await fleetd.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('refuses to run twice on one runtime directory, naming the other process', async () => {
    const first = machine.start();
    await first.waitForLog(/fleetd ready/);
    const second = machine.start();
    expect((await second.exited).code).toBe(1);
    expect(second.stderr).toContain(`another fleetd (process ${first.pid}) uses ${join(machine.directory, 'run')}`);
    expect((await first.get('/fleet/v1/machines')).status).toBe(200);
  });

  it('refuses a socket that another program serves', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(machine.socket, resolve));
    const fleetd = machine.start();
    expect((await fleetd.exited).code).toBe(1);
    expect(fleetd.stderr).toMatch(new RegExp(`ERROR fleetd cannot go on: socket ${machine.socket} is in use.*remedy=`));
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    { title: 'an unknown option', options: { colour: 'red' }, message: /fleet.conf:\d+: colour: there is no such option/ },
    { title: 'an empty machine id file', options: { machine_id: '', machine_id_file: '/dev/null' }, message: /the machine id in \/dev\/null is empty.*systemd-machine-id-setup/ },
    { title: 'a missing machine id file', options: { machine_id: '', machine_id_file: '/nonexistent/id' }, message: /cannot read the machine id from \/nonexistent\/id/ },
    { title: 'a registry that cannot be written', options: { registry_path: '/proc/none/registry.db' }, message: /cannot make the directory \/proc\/none.*registry_path/ },
    { title: 'a units directory that cannot be made', options: { units_directory: '/proc/none/units' }, message: /cannot make the directory \/proc\/none\/units.*units_directory/ },
    { title: 'a socket in a directory that is not there', options: { listen: '/proc/none/fleet.sock' }, message: /cannot listen on socket \/proc\/none|\/proc\/none/ },
    { title: 'a runtime directory that cannot be made', options: { runtime_directory: '/proc/none' }, message: /cannot make the directory \/proc\/none.*runtime_directory/ },
  ])('ends with a message and exit code 1: $title', async ({ options, message }) => {
    await machine.configure(options);
    const fleetd = machine.start();
    expect((await fleetd.exited).code).toBe(1);
    expect(fleetd.stderr).toMatch(message);
    expect(fleetd.stderr).not.toMatch(/\n\s+at /);
  });

  it('a systemd that cannot be reached is named, with exit code 1', async () => {
    await machine.configure({ systemd: 'dbus', systemd_user: 'true' });
    mkdirSync(join(machine.directory, 'xdg'));
    const fleetd = machine.start(undefined, { DBUS_SESSION_BUS_ADDRESS: `unix:path=${machine.directory}/no-bus`, XDG_RUNTIME_DIR: join(machine.directory, 'xdg') });
    expect((await fleetd.exited).code).toBe(1);
    expect(fleetd.stderr).toMatch(/fleetd cannot go on: .*(systemd|bus)/i);
  });

  it('--check-config lists everything that is wrong, and touches nothing', async () => {
    await machine.configure({ token_limit: 'many', colour: 'red' });
    const wrong = machine.start(['--config', machine.configFile, '--check-config']);
    expect((await wrong.exited).code).toBe(1);
    expect(wrong.stderr.trim().split('\n')).toHaveLength(2);
    await machine.configure();
    const right = machine.start(['--config', machine.configFile, '--check-config'], { FLEET_METADATA: 'a=b' });
    expect((await right.exited).code).toBe(0);
    expect(right.stdout).toBe(`${machine.configFile} is valid\n`);
    expect(existsSync(join(machine.directory, 'registry.db'))).toBe(false);
  });

  it('a TERM that comes before anything is ready ends it in good order', async () => {
    const fleetd = machine.start();
    await fleetd.waitForLog(/fleetd starting/);
    expect(await fleetd.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});
