import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, silentLogger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { createNotifier } from './notify.ts';

let directory: string;
let service: Record<string, string>;
let told: () => string[];

/** Puts a `systemd-notify` in the path that writes down what it is told. */
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetd-notify-'));
  const file = join(directory, 'told');
  told = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$*" >> ${file}\n`);
  chmodSync(join(directory, 'systemd-notify'), 0o755);
  service = { NOTIFY_SOCKET: '/run/x', PATH: `${directory}${delimiter}${process.env.PATH ?? ''}` };
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('createNotifier', () => {
  it('tells the service manager in order', async () => {
    const notifier = createNotifier(service, new FakeClock(), silentLogger);
    notifier.ready('joined');
    notifier.reloading();
    notifier.ready('joined');
    notifier.stopping();
    await notifier.flush();
    expect(told()).toEqual(['--ready --status=joined', 'RELOADING=1', '--ready --status=joined', 'STOPPING=1']);
  });

  it('is silent without a service manager', async () => {
    const notifier = createNotifier({}, new FakeClock(), silentLogger);
    notifier.ready('joined');
    notifier.watch(() => true)();
    await notifier.flush();
    expect(told()).toEqual([]);
  });

  it('feeds the watchdog twice per period while all is well, and no longer', async () => {
    const clock = new FakeClock();
    const notifier = createNotifier({ ...service, WATCHDOG_USEC: '20000000', WATCHDOG_PID: String(process.pid) }, clock, silentLogger);
    let well = true;
    const end = notifier.watch(() => well);
    await clock.advance(20_000);
    well = false;
    await clock.advance(20_000);
    await notifier.flush();
    expect(told()).toEqual(['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    end();
    expect(clock.pending).toBe(0);
  });

  it('leaves the watchdog of another process alone', () => {
    const clock = new FakeClock();
    createNotifier({ ...service, WATCHDOG_USEC: '20000000', WATCHDOG_PID: '1' }, clock, silentLogger).watch(() => true);
    expect(clock.pending).toBe(0);
  });

  it('says so when it cannot tell, and goes on', async () => {
    const lines: string[] = [];
    const notifier = createNotifier({ ...service, PATH: '/nonexistent' }, new FakeClock(), createLogger({ level: () => 'info', format: 'text', write: (line) => lines.push(line) }));
    notifier.stopping();
    await notifier.flush();
    expect(lines).toEqual([expect.stringMatching(/^WARN the service manager was not told message=STOPPING=1 error=.*(ENOENT|EACCES)/)]);
  });
});
