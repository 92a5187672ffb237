import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock } from '@fleet/runtime';

import { createDbusUnitManager } from '../src/dbus/index.ts';
import { SYSTEM_BUS } from '../src/testing/dbus-fixture.ts';
import { bootRealMachine, realMachineObstacle, type RealMachine } from '../src/testing/real-machine.ts';

// How long it takes from having unit texts to all of them active, and back to none, through the adapter and with
// systemd's own tools, on one real systemd in a container. The tools run inside it, so entering is measured by itself.

const UNIT = '[Service]\nExecStart=/bin/sleep 100000\n';
const COUNTS = [1, 100, 500];
const ROUNDS = 3;
/** One call a unit takes that much longer that its curve is clear from here. */
const MOST_SINGLE_CALLS = 100;
const TIMEOUT_MS = 300_000;

interface Sample {
  readonly startMs: number;
  readonly goneMs: number;
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}.service`);
}

async function throughAdapter(machine: RealMachine, bus: string, count: number, tag: string): Promise<Sample> {
  const unitsDirectory = join(await mkdtemp(join(machine.shared, 'bench-')), 'units');
  await using manager = await createDbusUnitManager({ unitsDirectory, bus, clock: systemClock });
  const units = names(`bench-${tag}`, count);
  const begin = performance.now();
  await Promise.all(units.map((name) => manager.load(name, UNIT)));
  await manager.reloadIfNeeded();
  const starts = await Promise.all(units.map((name) => manager.start(name)));
  await Promise.all(starts.map((job) => job.result));
  const started = performance.now();
  const active = [...(await manager.readStates(units)).values()].filter((state) => state.active === 'active').length;
  if (active !== count) throw new Error(`${active} of ${count} units are active`);
  const stopping = performance.now();
  const stops = await Promise.all(units.map((name) => manager.stop(name)));
  await Promise.all(stops.map((job) => job.result));
  await Promise.all(units.map((name) => manager.unload(name)));
  await manager.reloadIfNeeded();
  return { startMs: started - begin, goneMs: performance.now() - stopping };
}

async function throughTools(machine: RealMachine, count: number, tag: string): Promise<Sample> {
  const directory = await mkdtemp(join(machine.shared, 'bench-'));
  await mkdir(directory, { recursive: true });
  const units = names(`bench-${tag}`, count);
  for (const name of units) await writeFile(join(directory, name), UNIT);
  const begin = performance.now();
  // The cheapest way there is: files in place, no link, no reload, one command.
  await machine.run(['sh', '-c', `mkdir -p /run/systemd/system && cp ${directory}/* /run/systemd/system/ && systemctl start "$@"`, 'sh', ...units], { timeoutMs: TIMEOUT_MS });
  const started = performance.now();
  await machine.run(['sh', '-c', `systemctl stop "$@" && cd /run/systemd/system && rm "$@"`, 'sh', ...units], { timeoutMs: TIMEOUT_MS });
  return { startMs: started - begin, goneMs: performance.now() - started };
}

async function throughBusctl(machine: RealMachine, count: number, tag: string): Promise<Sample> {
  const directory = await mkdtemp(join(machine.shared, 'bench-'));
  const units = names(`bench-${tag}`, count);
  for (const name of units) await writeFile(join(directory, name), UNIT);
  const call = 'busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager';
  const begin = performance.now();
  await machine.run(['sh', '-c', `cp ${directory}/* /run/systemd/system/; for unit; do ${call} StartUnit ss "$unit" replace >/dev/null; done`, 'sh', ...units], { timeoutMs: TIMEOUT_MS });
  const started = performance.now();
  await machine.run(['sh', '-c', `for unit; do ${call} StopUnit ss "$unit" replace >/dev/null; done; cd /run/systemd/system && rm "$@"`, 'sh', ...units], { timeoutMs: TIMEOUT_MS });
  return { startMs: started - begin, goneMs: performance.now() - started };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const obstacle = realMachineObstacle();
if (obstacle !== undefined) {
  console.log(`no figures: ${obstacle}`);
} else {
  await using machine = await bootRealMachine();
  const ways = {
    'adapter': (count: number, tag: string) => throughAdapter(machine, `unix:path=${machine.path(SYSTEM_BUS)}`, count, tag),
    'systemctl, one command': (count: number, tag: string) => throughTools(machine, count, tag),
    'busctl, one call a unit': (count: number, tag: string) => throughBusctl(machine, count, tag),
  };
  const entering: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const begin = performance.now();
    await machine.run(['true']);
    entering.push(performance.now() - begin);
  }
  console.log(`entering the machine takes ${median(entering).toFixed(0)} ms of each tool's time`);
  console.log('way                        units   start all   a unit   stop+remove   a unit');
  for (const count of COUNTS) {
    for (const [way, run] of Object.entries(ways)) {
      if (way.startsWith('busctl') && count > MOST_SINGLE_CALLS) continue;
      const samples: Sample[] = [];
      for (let round = 0; round < ROUNDS; round += 1) samples.push(await run(count, `${count}-${round}-${way.slice(0, 3)}`));
      const [start, gone] = [median(samples.map((sample) => sample.startMs)), median(samples.map((sample) => sample.goneMs))];
      const cells = [way.padEnd(26), String(count).padStart(5), `${start.toFixed(0)} ms`.padStart(11), `${(start / count).toFixed(1)} ms`.padStart(8), `${gone.toFixed(0)} ms`.padStart(13), `${(gone / count).toFixed(1)} ms`.padStart(8)];
      console.log(cells.join(' '));
    }
  }
}
