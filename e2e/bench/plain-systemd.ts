import type { RealClusterMachine } from '../src/real/real-cluster-machine.ts';
import { activeSince } from './bench-machine.ts';
import { monotonicMicros } from './stopwatch.ts';

export interface PlainTimes {
  /** Until the last unit was active. */
  readonly startMs: number;
  /** Until all were stopped and their files removed. */
  readonly goneMs: number;
}

/**
 * The same units, spread evenly over the machines, by systemd's own command: files in place, no link, no reload, one command
 * on each machine at the same time.
 */
export async function startAndRemovePlain(machines: readonly RealClusterMachine[], count: number, text: string, tag: string): Promise<PlainTimes> {
  const shares = machines.map((_, index) => Array.from({ length: Math.floor((count + machines.length - 1 - index) / machines.length) }, (__, n) => `plain-${tag}@${index}-${n}.service`));
  const template = `/run/systemd/system/plain-${tag}@.service`;
  const begin = monotonicMicros();
  await Promise.all(
    machines.map(async ({ real }, index) => {
      real.writeFile(template, text);
      await real.output(['systemctl', 'start', '--', ...(shares[index] ?? [])], { timeoutMs: 120_000 });
    }),
  );
  const times = (await Promise.all(machines.map((machine, index) => activeSince(machine, shares[index] ?? [])))).flatMap((found) => [...found.values()]);
  if (times.length !== count) throw new Error(`${times.length} of ${count} plain units are active`);
  const stopping = monotonicMicros();
  await Promise.all(
    machines.map(({ real }, index) => real.output(['sh', '-c', `systemctl stop -- "$@" && rm ${template}`, 'sh', ...(shares[index] ?? [])], { timeoutMs: 120_000 })),
  );
  return { startMs: (Math.max(...times) - begin) / 1000, goneMs: (monotonicMicros() - stopping) / 1000 };
}
