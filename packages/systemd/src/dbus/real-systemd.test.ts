import { readFile, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';

import { createLogger, systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createDbusUnitManager } from './dbus-unit-manager.ts';
import { collectEvents, settleWithin, waitForState } from '../testing/index.ts';
import { UNITS } from '../testing/contract-units.ts';
import { dbusFixture, SYSTEM_BUS, type DbusFixture } from '../testing/dbus-fixture.ts';
import { bootRealMachine, type RealMachine } from '../testing/real-machine.ts';
import { describeRealSystemd } from '../testing/real-test.ts';

describeRealSystemd('a real systemd', () => {
  let machine: RealMachine;
  let fixture: DbusFixture;
  beforeAll(async () => {
    machine = await bootRealMachine();
  }, 60_000);
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    fixture = await dbusFixture(machine);
  });
  afterEach(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  const systemctl = async (...args: string[]): Promise<string> => (await machine.run(['sh', '-c', 'systemctl "$@"; true', 'sh', ...args])).trim();
  const start = async (name: string, text: string): Promise<string> => {
    await fixture.manager.load(name, text);
    await fixture.manager.reloadIfNeeded();
    return settleWithin(fixture, `the start of ${name}`, (await fixture.manager.start(name)).result);
  };
  /** How often systemd was asked to reload since it booted; from its own journal of jobs there is none, so from its log. */
  const reloads = async (): Promise<number> => Number((await machine.run(['sh', '-c', "journalctl -q -b _PID=1 -o cat | grep -c '^Reloading\\.$'; true"])).trim());

  describe('unit files', () => {
    it('are linked for this boot, and enabled if they ask for it', async () => {
      await fixture.manager.load('contract-linked.service', UNITS.sleeper);
      await fixture.manager.load('contract-enabled.service', UNITS.installed);
      expect(await systemctl('is-enabled', 'contract-linked.service')).toBe('linked-runtime');
      expect(await systemctl('is-enabled', 'contract-enabled.service')).toBe('enabled-runtime');
      expect(await machine.run(['readlink', '/run/systemd/system/contract-linked.service'])).toBe(`${join(fixture.unitsDirectory, 'contract-linked.service')}\n`);
      for (const name of ['contract-linked.service', 'contract-enabled.service']) await fixture.manager.unload(name);
      expect((await machine.run(['find', '/run/systemd/system', '-name', 'contract-*'])).trim()).toBe('');
    });

    it('that are new need no reload, those changed under a running unit exactly one', async () => {
      const before = await reloads();
      const names = ['contract-a.service', 'contract-b.service', 'contract-c.service', 'contract-d.service', 'contract-e.service'];
      for (const name of names) expect(await start(name, UNITS.sleeper)).toBe('done');
      expect(await reloads()).toBe(before);
      for (const name of names) await fixture.manager.load(name, UNITS.sleeperChanged);
      await Promise.all([fixture.manager.reloadIfNeeded(), fixture.manager.reloadIfNeeded(), fixture.manager.reloadIfNeeded()]);
      await waitUntil('the reload in the journal', async () => (await reloads()) > before);
      expect(await reloads()).toBe(before + 1);
      await fixture.manager.reloadIfNeeded();
      expect(await reloads()).toBe(before + 1);
    });

    it('of a failed load are gone again, link included', async () => {
      await expect(fixture.manager.load('contract-bad.service', UNITS.emptyInstall)).rejects.toMatchObject({ code: 'UNIT_REFUSED' });
      expect((await machine.run(['find', '/run/systemd/system', fixture.directory, '-name', 'contract-*'])).trim()).toBe('');
    });

    it('removed by hand are no hindrance to unloading', async () => {
      await start('contract-a.service', UNITS.sleeper);
      await rm(join(fixture.unitsDirectory, 'contract-a.service'));
      expect(await settleWithin(fixture, 'the stop', (await fixture.manager.stop('contract-a.service')).result)).toBe('done');
      await fixture.manager.unload('contract-a.service');
      expect((await machine.run(['find', '/run/systemd/system', '-name', 'contract-*'])).trim()).toBe('');
    });
  });

  describe('what systemd does with units', () => {
    it('runs ExecStopPost before the stop job is done', async () => {
      const text = `[Service]\nExecStart=/bin/sleep 1000\nExecStopPost=/bin/sh -c 'sleep 0.3; echo stopped > ${fixture.directory}/post'\n`;
      await start('contract-a.service', text);
      const stop = await fixture.manager.stop('contract-a.service');
      await settleWithin(fixture, 'the stop', stop.result);
      expect(await machine.run(['cat', `${fixture.directory}/post`])).toBe('stopped\n');
    });

    it('is prepared by a move of this process, which stays in its control group', async () => {
      const lines: string[] = [];
      const manager = await fixture.open({ logger: createLogger({ level: () => 'debug', format: 'text', write: (line) => lines.push(line) }) });
      const groups = await readFile('/proc/self/cgroup', 'utf8');
      await manager.load('contract-a.service', UNITS.sleeper);
      const job = await manager.start('contract-a.service');
      expect(await settleWithin(fixture, 'the start', job.result)).toBe('done');
      expect([await readFile('/proc/self/cgroup', 'utf8'), lines.filter((line) => line.includes('cannot be prepared'))]).toEqual([groups, []]);
    });

    it('counts a Type=notify service as started when it says so', async () => {
      const text = '[Service]\nType=notify\nNotifyAccess=all\nExecStart=/bin/sh -c "sleep 0.2; systemd-notify --ready; exec sleep 1000"\n';
      expect(await start('contract-notify.service', text)).toBe('done');
      await waitForState(fixture, 'contract-notify.service', { active: 'active', sub: 'running' });
    });

    it('starts a service by its timer and by its socket', async () => {
      await using events = collectEvents(fixture);
      await fixture.manager.load('contract-timed.service', UNITS.remains);
      expect(await start('contract-timed.timer', '[Timer]\nOnActiveSec=10ms\nAccuracySec=1ms\n')).toBe('done');
      await events.waitFor('the timed service', (event) => event.kind === 'state' && event.name === 'contract-timed.service' && event.state.active === 'active');
      await fixture.manager.load('contract-socket.service', UNITS.sleeper);
      expect(await start('contract-socket.socket', `[Socket]\nListenStream=${fixture.directory}/activate\n`)).toBe('done');
      const client = createConnection(join(fixture.directory, 'activate'));
      await events.waitFor('the socket service', (event) => event.kind === 'state' && event.name === 'contract-socket.service' && event.state.active === 'active');
      client.destroy();
    });

    it('reports automatic restarts with the result of the last run', async () => {
      await start('contract-again.service', '[Service]\nExecStart=/bin/sh -c "sleep 0.05; exit 3"\nRestart=always\nRestartSec=60\n');
      await waitForState(fixture, 'contract-again.service', { active: 'activating', sub: 'auto-restart', result: 'exit-code' });
    });

    it('respects drop-ins of the host', async () => {
      await machine.run(['sh', '-c', 'mkdir -p /etc/systemd/system/contract-dropin.service.d && printf "[Service]\\nEnvironment=FROM=host\\n" > /etc/systemd/system/contract-dropin.service.d/x.conf']);
      const text = `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo $FROM > ${fixture.directory}/from'\n`;
      expect(await start('contract-dropin.service', text)).toBe('done');
      expect(await machine.run(['cat', `${fixture.directory}/from`])).toBe('host\n');
    });

    it('tells of what others do to our units', async () => {
      await using events = collectEvents(fixture);
      await start('contract-a.service', UNITS.sleeper);
      const at = await events.waitFor('running', (event) => event.kind === 'state' && event.state.active === 'active');
      await systemctl('stop', 'contract-a.service');
      await events.waitFor('stopped', (event) => event.kind === 'state' && event.state.active === 'inactive', at);
    });

    it('works on 200 units side by side, more than the bus allows calls', async () => {
      const names = Array.from({ length: 200 }, (_, index) => `contract-many-${index}.service`);
      await Promise.all(names.map((name) => fixture.manager.load(name, UNITS.remains)));
      await fixture.manager.reloadIfNeeded();
      const starts = await Promise.all(names.map((name) => fixture.manager.start(name)));
      expect(new Set(await Promise.all(starts.map((job) => job.result)))).toEqual(new Set(['done']));
      expect([...(await fixture.manager.readStates(names)).values()].filter((state) => state.sub === 'exited').length).toBe(200);
      const stops = await Promise.all(names.map((name) => fixture.manager.stop(name)));
      await Promise.all(stops.map((job) => job.result));
      await Promise.all(names.map((name) => fixture.manager.unload(name)));
      expect(await fixture.manager.listFiles()).toEqual([]);
    }, 60_000);
  });

  describe('trouble', () => {
    /** Starts and stops units without end; counts what succeeded, takes only losses of the connection for an answer. */
    const load = (signal: AbortSignal): { readonly done: () => number; readonly ended: Promise<unknown[]> } => {
      let done = 0;
      const worker = async (index: number): Promise<unknown> => {
        const name = `contract-load-${index}.service`;
        while (!signal.aborted) {
          try {
            await fixture.manager.load(name, UNITS.sleeper);
            if ((await (await fixture.manager.start(name)).result) === 'done') done += 1;
            await (await fixture.manager.stop(name)).result;
            await fixture.manager.unload(name);
          } catch (error) {
            if ((error as { code?: string }).code !== 'SYSTEMD_UNAVAILABLE') return error;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }
        return undefined;
      };
      return { done: () => done, ended: Promise.all(Array.from({ length: 8 }, (_, index) => worker(index))) };
    };

    const troubles = [
      { what: 'systemd re-executes itself', command: ['systemctl', 'daemon-reexec'] },
      { what: 'the bus is restarted', command: ['systemctl', 'restart', 'dbus.service'] },
      { what: 'the bus is killed', command: ['systemctl', 'kill', '--signal=KILL', 'dbus.service'] },
    ];
    it.each(troubles)('recovers under load when $what', async ({ command }) => {
      const manager = await fixture.open({ bus: `unix:path=${machine.path(SYSTEM_BUS)}` });
      await using events = collectEvents(fixture, manager);
      await start('contract-steady.service', UNITS.sleeper);
      const pid = await systemctl('show', '--property=MainPID', '--value', 'contract-steady.service');
      const ending = new AbortController();
      const running = load(ending.signal);
      await waitUntil('some work', () => running.done() > 8);
      let at = 0;
      for (let round = 0; round < 2; round += 1) {
        await machine.run(['sh', '-c', '"$@" || true', 'sh', ...command]);
        at = await events.waitFor('lost', (event) => event.kind === 'lost', at);
        at = await events.waitFor('restored', (event) => event.kind === 'restored', at);
        const before = running.done();
        await waitUntil('more work', () => running.done() > before + 8);
      }
      ending.abort();
      expect(await running.ended).toEqual(Array.from({ length: 8 }, () => undefined));
      expect((await manager.readStates(['contract-steady.service'])).get('contract-steady.service')).toMatchObject({ active: 'active', sub: 'running' });
      expect(await systemctl('show', '--property=MainPID', '--value', 'contract-steady.service')).toBe(pid);
    }, 60_000);

    it('tells after a loss what happened meanwhile', async () => {
      await start('contract-a.service', UNITS.sleeper);
      await using events = collectEvents(fixture);
      await fixture.proxy.drop();
      const at = await events.waitFor('lost', (event) => event.kind === 'lost');
      await systemctl('stop', 'contract-a.service');
      await fixture.proxy.restore();
      const restored = await events.waitFor('restored', (event) => event.kind === 'restored', at);
      await events.waitFor('the stop', (event) => event.kind === 'state' && event.name === 'contract-a.service' && event.state.active === 'inactive', restored);
    });

    it('refuses to begin without a bus, naming the socket', async () => {
      const path = join(fixture.directory, 'no-such-bus');
      await expect(createDbusUnitManager({ unitsDirectory: fixture.unitsDirectory, bus: `unix:path=${path}`, clock: systemClock })).rejects.toMatchObject({
        code: 'SYSTEMD_UNAVAILABLE',
        kind: 'unavailable',
        message: expect.stringContaining(path) as unknown,
      });
    });

    it('gives up the first connection when aborted, before and while it waits', async () => {
      const reason = new Error('enough');
      await expect(fixture.open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const path = join(fixture.directory, 'silent-bus');
      const ending = new AbortController();
      const silent = createServer(() => ending.abort(reason));
      await new Promise<void>((resolve) => silent.listen(path, resolve));
      await expect(fixture.open({ bus: `unix:path=${path}`, signal: ending.signal })).rejects.toBe(reason);
      await new Promise((resolve) => silent.close(resolve));
    });

    it('logs losses with constant messages', async () => {
      const lines: string[] = [];
      const logger = createLogger({ level: () => 'info', format: 'json', write: (line) => lines.push((JSON.parse(line) as { message: string }).message) });
      const manager = await fixture.open({ logger });
      await using events = collectEvents(fixture, manager);
      await fixture.proxy.drop();
      await fixture.proxy.restore();
      await events.waitFor('restored', (event) => event.kind === 'restored');
      expect(lines).toEqual(['connection to systemd lost', 'connection to systemd restored']);
    });
  });
});
