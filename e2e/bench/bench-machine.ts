import { readdirSync } from 'node:fs';
import { waitUntil } from '@fleet/runtime/testing';
import type { RealClusterMachine } from '../src/real/real-cluster-machine.ts';

export interface Memory {
  /** Megabytes of the process in memory, shared pages included. */
  readonly residentMb: number;
  /** Megabytes that only this process uses. */
  readonly privateMb: number;
}

/** When each of these units became active last, in microseconds of the monotonic clock; only those that are active. */
export async function activeSince(machine: RealClusterMachine, units: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (units.length === 0) return new Map();
  const shown = await machine.real.output(['systemctl', 'show', '--property=Id,ActiveState,ActiveEnterTimestampMonotonic', '--', ...units]);
  const found = new Map<string, number>();
  for (const block of shown.trim().split('\n\n')) {
    const values = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    if (values.get('ActiveState') === 'active') found.set(values.get('Id') ?? '', Number(values.get('ActiveEnterTimestampMonotonic')));
  }
  return found;
}

/** Units fleet has on the machine, read from its files: costs the machine nothing. */
export function unitFilesOn(machine: RealClusterMachine): readonly string[] {
  try {
    return readdirSync(machine.real.runtimePath('/run/fleet/units'));
  } catch {
    return [];
  }
}

/** When the last of the units became active, wherever they were put. Waits until every one of them is. */
export async function lastActive(machines: readonly RealClusterMachine[], units: readonly string[], deadlineMs: number): Promise<number> {
  const wanted = new Set(units);
  return await waitUntil(
    `${units.length} units to be active`,
    async () => {
      const powered = machines.filter((machine) => machine.running);
      const here = powered.map((machine) => unitFilesOn(machine).filter((name) => wanted.has(name)));
      if (here.flat().length < units.length) return undefined;
      const times = (await Promise.all(powered.map((machine, index) => activeSince(machine, here[index] ?? [])))).flatMap((found) => [...found.values()]);
      return times.length === units.length ? Math.max(...times) : undefined;
    },
    { deadlineMs, everyMs: 100 },
  );
}

export async function untilGone(machines: readonly RealClusterMachine[], deadlineMs: number): Promise<void> {
  await waitUntil('all units to be gone', () => machines.every((machine) => unitFilesOn(machine).length === 0), { deadlineMs, everyMs: 2 });
}

async function daemonPid(machine: RealClusterMachine): Promise<string> {
  return (await machine.real.output(['systemctl', 'show', '--value', '--property=MainPID', 'fleet.service'])).trim();
}

export async function daemonCpuSeconds(machine: RealClusterMachine): Promise<number> {
  return cpuSeconds(await machine.real.output(['cat', `/proc/${await daemonPid(machine)}/stat`]));
}

/** Processor time from the text of /proc/PID/stat, whose clock ticks are hundredths of a second. */
export function cpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function daemonMemory(machine: RealClusterMachine): Promise<Memory> {
  return memoryFrom(await machine.real.output(['cat', `/proc/${await daemonPid(machine)}/smaps_rollup`]));
}

/** The most that was ever resident, in megabytes. */
export async function daemonPeakMb(machine: RealClusterMachine): Promise<number> {
  const status = await machine.real.output(['cat', `/proc/${await daemonPid(machine)}/status`]);
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

export function memoryFrom(rollup: string): Memory {
  const kilobytes = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(rollup)?.[1]);
  return { residentMb: kilobytes('Rss') / 1024, privateMb: (kilobytes('Private_Clean') + kilobytes('Private_Dirty')) / 1024 };
}
