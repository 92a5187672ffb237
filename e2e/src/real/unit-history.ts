import type { RealClusterMachine } from './real-cluster-machine.ts';

// All machines of a world share one kernel and so one monotonic clock: what their journals say can be compared to the microsecond.

/** Milliseconds on the monotonic clock of this computer, as machines stamp what happens on them. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** One time that a unit ran on a machine, on the clock of {@link monotonicMs}. */
export interface UnitRun {
  readonly machine: string;
  readonly startedAt: number;
  /** Null while it runs, or when the machine lost power. */
  readonly endedAt: number | null;
}

/** systemd's catalog ids of "Started" and "Stopped". */
const started = '39f53479d3a045ac8e11786248231fbf';
const stopped = '9d1aaa27d60140bd96365438aad20286';

/** Every run of a unit on a machine, oldest first, by the machine's own journal, which outlives power cuts. */
async function unitRuns(machine: RealClusterMachine, unit: string): Promise<readonly UnitRun[]> {
  await machine.real.output(['journalctl', '--sync']);
  const out = await machine.real.output(['journalctl', '--output=json', '--output-fields=MESSAGE_ID', '--no-pager', '_PID=1', `UNIT=${unit}`]);
  const entries = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { readonly MESSAGE_ID?: string; readonly __MONOTONIC_TIMESTAMP: string })
    .map((entry) => ({ id: entry.MESSAGE_ID, at: Number(entry.__MONOTONIC_TIMESTAMP) / 1e3 }))
    .sort((a, b) => a.at - b.at);
  const runs: UnitRun[] = [];
  let from: number | null = null;
  for (const { id, at } of entries) {
    if (id === started) from = at;
    else if (id === stopped && from !== null) {
      runs.push({ machine: machine.name, startedAt: from, endedAt: at });
      from = null;
    }
  }
  if (from !== null) runs.push({ machine: machine.name, startedAt: from, endedAt: null });
  return runs;
}

/** How long the unit ran on more than one of the machines at once since `since`, in milliseconds. */
export async function doubleRunMs(machines: readonly RealClusterMachine[], unit: string, since: number): Promise<number> {
  const runs = (await Promise.all(machines.filter(({ running }) => running).map((machine) => unitRuns(machine, unit)))).flat();
  const now = monotonicMs();
  let together = 0;
  for (const [index, a] of runs.entries())
    for (const b of runs.slice(index + 1)) {
      if (a.machine === b.machine) continue;
      const from = Math.max(a.startedAt, b.startedAt, since);
      const to = Math.min(a.endedAt ?? now, b.endedAt ?? now);
      together += Math.max(0, to - from);
    }
  return together;
}

/** A unit as its systemd knows it, with what changes when it is started again or touched. */
export interface UnitProcess {
  readonly name: string;
  readonly active: string;
  readonly mainPid: string;
  /** Moment it became active, in microseconds of the monotonic clock. */
  readonly since: string;
  readonly run: string;
}

/** What fleet has put on the machine, by systemd: equal answers mean that nothing was stopped, started or moved. */
export async function unitProcesses(machine: RealClusterMachine): Promise<readonly UnitProcess[]> {
  const names = (await machine.real.exec(['ls', '/run/fleet/units'])).stdout.split('\n').filter(Boolean);
  if (names.length === 0) return [];
  const properties = ['Id', 'ActiveState', 'MainPID', 'ActiveEnterTimestampMonotonic', 'InvocationID'];
  const shown = await machine.real.output(['systemctl', 'show', `--property=${properties.join(',')}`, '--', ...names]);
  return shown
    .trim()
    .split('\n\n')
    .map((block) => new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])))
    .map((values) => ({
      name: values.get('Id') ?? '',
      active: values.get('ActiveState') ?? '',
      mainPid: values.get('MainPID') ?? '',
      since: values.get('ActiveEnterTimestampMonotonic') ?? '',
      run: values.get('InvocationID') ?? '',
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** {@link unitProcesses} of every machine that has power, by machine. */
export async function clusterProcesses(machines: readonly RealClusterMachine[]): Promise<Readonly<Record<string, readonly UnitProcess[]>>> {
  const entries = await Promise.all(machines.filter(({ running }) => running).map(async (machine) => [machine.name, await unitProcesses(machine)] as const));
  return Object.fromEntries(entries);
}

/** When the unit became active on the machine, in milliseconds on the clock of {@link monotonicMs}. */
export async function activeSince(machine: RealClusterMachine, unit: string): Promise<number> {
  const value = await machine.real.output(['systemctl', 'show', '--value', '--property=ActiveEnterTimestampMonotonic', unit]);
  return Number(value.trim()) / 1e3;
}
