import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInProcessCluster } from '@fleet/testkit';
import { createFleetClient } from '@fleet/api-client/fast';

// Whole processes, side by side with `node -e 0` in turn, so that whatever else the machine does hits all alike. The daemon runs in this process,
// which is idle while it waits, so its work is part of the time measured, as it is for a user.
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 40);
const UNITS = 500;
const BUNDLE = join(import.meta.dirname, '../dist/main.js');

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  /** Times `node -e 0`. */
  readonly goal: number;
}

async function run(): Promise<void> {
  if (!existsSync(BUNDLE)) throw new Error('build first: nx run @fleet/fleetctl:build');
  await using cluster = await createInProcessCluster({ machines: 1, agentTtlMs: 60_000, version: '1.0.0' });
  const endpoint = `unix://${cluster.machines[0]?.socketPath ?? ''}`;
  {
    using client = createFleetClient({ connection: { endpoint } });
    const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 100000' }];
    const { ok } = await client.submitUnits({ units: Array.from({ length: UNITS }, (_, index) => ({ name: `bench@${index}.service`, options, desiredState: 'loaded' as const })) });
    if (!ok) throw new Error('the units were not taken');
    while ((await client.listStates()).states.length < UNITS) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const cases: readonly Case[] = [
    { name: 'node -e 0', argv: ['-e', '0'], goal: 1 },
    { name: 'fleetctl version', argv: [BUNDLE, 'version'], goal: 1.15 },
    { name: `fleetctl list-units (${UNITS} units)`, argv: [BUNDLE, 'list-units'], goal: 2 },
    { name: `fleetctl list-unit-files (${UNITS} units)`, argv: [BUNDLE, 'list-unit-files'], goal: 3 },
    { name: 'fleetctl list-machines', argv: [BUNDLE, 'list-machines'], goal: 3 },
    { name: 'fleetctl cat', argv: [BUNDLE, 'cat', 'bench@1'], goal: 3 },
    { name: 'fleetctl why', argv: [BUNDLE, 'why', 'bench@1'], goal: 3 },
    { name: 'fleetctl stop (nothing to do)', argv: [BUNDLE, 'stop', 'bench@1'], goal: 3 },
    { name: 'fleetctl help', argv: [BUNDLE, 'help'], goal: 3 },
    { name: 'fleetctl help start', argv: [BUNDLE, 'help', 'start'], goal: 3 },
    { name: 'fleetctl --bogus (a usage error)', argv: [BUNDLE, 'list-units', '--bogus'], goal: 3 },
  ];
  const times = await measure(cases, endpoint);
  const bare = median(times[0] ?? []);
  console.log(`start-up: whole process, median of ${ROUNDS}, against ${cases[0]?.name ?? ''}`);
  for (const [index, { name, goal }] of cases.entries()) {
    const own = times[index] ?? [];
    const ratio = median(own) / bare;
    const verdict = index === 0 ? '' : ` × ${ratio.toFixed(2)} (goal ${goal}: ${ratio <= goal ? 'met' : 'missed'}; fastest × ${(Math.min(...own) / Math.min(...(times[0] ?? []))).toFixed(2)})`;
    console.log(`${name.padEnd(38)} ${median(own).toFixed(1).padStart(7)} ms${verdict}`);
  }
}

/** Spawned without waiting synchronously, since the daemon lives in this process. */
async function measure(cases: readonly Case[], endpoint: string): Promise<number[][]> {
  const times = cases.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, { argv }] of cases.entries()) {
      const start = performance.now();
      await new Promise<void>((resolve, reject) => {
        const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'ignore'], env: { PATH: process.env['PATH'] ?? '', FLEETCTL_ENDPOINT: endpoint } });
        child.once('error', reject);
        child.once('exit', () => resolve());
      });
      times[index]?.push(performance.now() - start);
    }
  }
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await run();
