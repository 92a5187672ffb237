import { FakeClock } from '@fleet/runtime/testing';
import { beforeEach, describe, expect, it } from '@jest/globals';

import { describeUnitManagerContract, type UnitManagerFixture } from '../testing/index.ts';
import { createMemorySystemd, type MemorySystemd } from './memory-systemd.ts';

describeUnitManagerContract('memory', async (): Promise<UnitManagerFixture> => {
  const clock = new FakeClock();
  const systemd = createMemorySystemd({ clock });
  return {
    manager: systemd,
    directory: '/run/contract',
    types: ['socket', 'timer', 'path', 'mount', 'target', 'slice'],
    pass: (ms) => clock.advance(ms),
    editFile: async (name, text) => systemd.control.editFile(name, text),
    readDirectory: async () => undefined,
    connection: {
      drop: async () => systemd.control.drop(),
      restore: async () => systemd.control.restore(),
    },
    reopen: async () => systemd.control.openManager(),
    [Symbol.asyncDispose]: () => systemd[Symbol.asyncDispose](),
  };
});

const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n';

describe('the control surface of the memory systemd', () => {
  let clock: FakeClock;
  let systemd: MemorySystemd;
  beforeEach(() => {
    clock = new FakeClock();
    systemd = createMemorySystemd({ clock });
  });

  it('ends and fails processes on request', async () => {
    await systemd.load('a.service', SLEEPER);
    await (await systemd.start('a.service')).result;
    systemd.control.exit('a.service', 0);
    expect(systemd.control.state('a.service')).toEqual({ load: 'loaded', active: 'inactive', sub: 'dead', result: 'success' });
    await (await systemd.start('a.service')).result;
    systemd.control.exit('a.service', 3);
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'failed', result: 'exit-code' });
    systemd.control.startByHand('a.service');
    systemd.control.fail('a.service', 'oom-kill');
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'failed', result: 'oom-kill' });
    expect(systemd.control.startsOf('a.service')).toBe(3);
  });

  it('runs commands for as long as they sleep', async () => {
    await systemd.load('a.service', '[Service]\nExecStart=/bin/sleep 5\n');
    await systemd.start('a.service');
    await clock.advance(4999);
    expect(systemd.control.running()).toEqual(['a.service']);
    await clock.advance(1);
    expect(systemd.control.running()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('restarts what asks for it', async () => {
    await systemd.load('a.service', '[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=2\n');
    await systemd.start('a.service');
    systemd.control.exit('a.service', 1);
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'activating', sub: 'auto-restart', result: 'exit-code' });
    await clock.advance(2000);
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'active', sub: 'running' });
    expect(systemd.control.startsOf('a.service')).toBe(2);
  });

  it('refuses loads, starts and stops with a reason until told otherwise', async () => {
    systemd.control.refuseLoad('a.service', 'no room');
    await expect(systemd.load('a.service', SLEEPER)).rejects.toMatchObject({ code: 'UNIT_REFUSED', message: 'load unit a.service: no room' });
    systemd.control.refuseLoad('a.service', undefined);
    await systemd.load('a.service', SLEEPER);
    systemd.control.refuseStart('a.service', 'masked');
    await expect(systemd.start('a.service')).rejects.toThrow('start unit a.service: masked');
    systemd.control.refuseStart('a.service', undefined);
    await systemd.start('a.service');
    systemd.control.refuseStop('a.service', 'no');
    await expect(systemd.stop('a.service')).rejects.toThrow('stop unit a.service: no');
    expect(systemd.control.running()).toEqual(['a.service']);
  });

  it('hangs starts and stops until released or timed out', async () => {
    await systemd.load('a.service', SLEEPER);
    systemd.control.hangStart('a.service');
    const start = await systemd.start('a.service');
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'activating', sub: 'start' });
    systemd.control.release('a.service');
    expect(await start.result).toBe('done');
    systemd.control.hangStop('a.service');
    const stop = await systemd.stop('a.service');
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'deactivating', sub: 'stop-sigterm' });
    const again = await systemd.start('a.service');
    expect(await stop.result).toBe('canceled');
    systemd.control.release('a.service');
    expect(await again.result).toBe('done');
    systemd.control.hangStop('a.service');
    const last = await systemd.stop('a.service');
    await clock.advance(90_000);
    expect(await last.result).toBe('done');
    expect(systemd.control.state('a.service')).toMatchObject({ active: 'failed', result: 'timeout' });
  });

  it('counts calls, and reloads only when a held unit changed', async () => {
    await systemd.load('a.service', SLEEPER);
    await systemd.reloadIfNeeded();
    await systemd.start('a.service');
    await systemd.load('a.service', `${SLEEPER}# changed\n`);
    await systemd.reloadIfNeeded();
    await systemd.reloadIfNeeded();
    expect(['load', 'start', 'reloadIfNeeded', 'reload'].map((call) => systemd.control.calls(call as 'load'))).toEqual([2, 1, 3, 1]);
    expect(systemd.control.calls('load', 'b.service')).toBe(0);
    systemd.control.resetCalls();
    expect(systemd.control.calls('load')).toBe(0);
  });

  it('keeps units over a new connection and loses them in a reboot', async () => {
    await systemd.load('a.service', SLEEPER);
    await systemd.start('a.service');
    await systemd[Symbol.asyncDispose]();
    const next = systemd.control.openManager();
    expect((await next.readStates(['a.service'])).get('a.service')).toMatchObject({ active: 'active' });
    systemd.control.reboot({ keepFiles: true });
    expect((await next.readStates(['a.service'])).get('a.service')).toMatchObject({ load: 'loaded', active: 'inactive' });
    systemd.control.reboot();
    expect(await next.listFiles()).toEqual([]);
  });
});
