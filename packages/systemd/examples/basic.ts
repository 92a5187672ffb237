import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '@fleet/runtime';
import { createProcessUnitManager } from '@fleet/systemd/process';

const directory = await mkdtemp(join(tmpdir(), 'fleet-example-'));
{
  // On a machine with systemd: createDbusUnitManager({ bus: 'system', … }) of @fleet/systemd/dbus, and the rest is the same.
  await using units = await createProcessUnitManager({
    unitsDirectory: join(directory, 'units'),
    stateDirectory: join(directory, 'state'),
    clock: systemClock,
  });

  await units.load('hello.service', '[Service]\nExecStartPre=/bin/echo Hello from %n\nExecStart=/bin/sleep 1000\n');
  await units.reloadIfNeeded();
  const job = await units.start('hello.service');
  console.log('start:', await job.result);

  for (const [name, { load, active, sub }] of await units.readStates(['hello.service', 'other.service'])) {
    console.log(`${name}: ${load} ${active} ${sub}`);
  }
  for (const { name, hash } of await units.listFiles()) console.log(`${name} has the hash ${hash}`);

  try {
    await units.load('big.service', '[Service]\nExecStart=/bin/true\nMemoryMax=1G\n');
  } catch (error) {
    console.log((error as Error).message);
  }

  const stop = await units.stop('hello.service');
  console.log('stop:', await stop.result);
  await units.unload('hello.service');

  const log = await readFile(units.logPath('hello.service'), 'utf8');
  console.log(log.split('\n').find((line) => line.startsWith('Hello')));
}
await rm(directory, { recursive: true });
