import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createInProcessCluster } from '@fleet/testkit';
import { createFleetClient } from '@fleet/api-client/fast';

// The daemon runs in this process, which is idle while it waits, so its work is part of the time measured, as it is for a user.
const execute = promisify(execFile);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 40);
const UNITS = 500;
const BUNDLE = join(import.meta.dirname, '../dist/main.js');
const UNIT_FILE = join(import.meta.dirname, '../transcripts/units/hello.service');
const EXECUTABLE = join(import.meta.dirname, '../executable/fleetctl');

interface Case {
  readonly name: string;
  /** Node unless told. */
  readonly program?: string;
  readonly argv: readonly string[];
  /** Times `node -e 0`. */
  readonly goal: number;
}

async function run(): Promise<void> {
  for (const file of [BUNDLE, EXECUTABLE]) if (!existsSync(file)) throw new Error(`${file} is missing: nx run @fleet/fleetctl:executable`);
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
    { name: 'fleetctl submit (nothing to do)', argv: [BUNDLE, 'submit', 'bench@1'], goal: 3 },
    { name: 'fleetctl load (nothing to do)', argv: [BUNDLE, 'load', 'bench@1'], goal: 3 },
    { name: 'fleetctl start --no-block (a template)', argv: [BUNDLE, 'start', '--no-block', 'bench@'], goal: 3 },
    { name: 'fleetctl stop (nothing to do)', argv: [BUNDLE, 'stop', 'bench@1'], goal: 3 },
    { name: 'fleetctl unload (no such unit)', argv: [BUNDLE, 'unload', 'nothing'], goal: 3 },
    { name: 'fleetctl restart (no such unit)', argv: [BUNDLE, 'restart', 'nothing'], goal: 3 },
    { name: 'fleetctl destroy (no such unit)', argv: [BUNDLE, 'destroy', 'nothing'], goal: 3 },
    { name: 'fleetctl status (no such unit)', argv: [BUNDLE, 'status', 'nothing'], goal: 3 },
    { name: 'fleetctl journal (no such unit)', argv: [BUNDLE, 'journal', 'nothing'], goal: 3 },
    { name: 'fleetctl ssh (no such unit)', argv: [BUNDLE, 'ssh', 'nothing'], goal: 3 },
    { name: 'fleetctl fd-forward (no such socket)', argv: [BUNDLE, 'fd-forward', '/nowhere'], goal: 3 },
    { name: 'fleetctl verify', argv: [BUNDLE, 'verify', UNIT_FILE], goal: 3 },
    { name: 'fleetctl completion bash', argv: [BUNDLE, 'completion', 'bash'], goal: 3 },
    { name: 'fleetctl help', argv: [BUNDLE, 'help'], goal: 3 },
    { name: 'fleetctl help start', argv: [BUNDLE, 'help', 'start'], goal: 3 },
    { name: 'fleetctl --bogus (a usage error)', argv: [BUNDLE, 'list-units', '--bogus'], goal: 3 },
    { name: 'executable: version', program: EXECUTABLE, argv: ['version'], goal: 1.15 },
    { name: `executable: list-units (${UNITS} units)`, program: EXECUTABLE, argv: ['list-units'], goal: 2 },
    { name: 'executable: list-machines', program: EXECUTABLE, argv: ['list-machines'], goal: 3 },
    { name: 'executable: why', program: EXECUTABLE, argv: ['why', 'bench@1'], goal: 3 },
    { name: 'executable: help', program: EXECUTABLE, argv: ['help'], goal: 3 },
  ];
  const samples = await measure(cases, endpoint);
  console.log(`start-up against ${cases[0]?.name ?? ''}: whole process, median of ${ROUNDS}; judged by processor time, since other programs may be running`);
  for (const [index, { name, goal }] of cases.entries()) {
    const columns = (['wallMs', 'processorMs'] as const).map((kind) => {
      const own = median(samples[index]?.map((sample) => sample[kind]) ?? []);
      return { own, ratio: own / median(samples[0]?.map((sample) => sample[kind]) ?? []) };
    });
    const [wall, processor] = columns;
    if (wall === undefined || processor === undefined) continue;
    const shown = columns.map(({ own, ratio }) => `${own.toFixed(1).padStart(7)} ms${index === 0 ? '' : ` × ${ratio.toFixed(2)}`}`);
    const verdict = index === 0 ? '' : `  goal ${goal}: ${processor.ratio <= goal ? 'met' : 'missed'}`;
    console.log(`${name.padEnd(38)} ${shown[0] ?? ''}, processor ${shown[1] ?? ''}${verdict}`);
  }
}

interface Sample {
  readonly wallMs: number;
  readonly processorMs: number;
}

/** In turn, so that whatever else the machine does hits all alike. Bash tells what a child has used; not waited for synchronously, since the daemon lives in this process. */
async function measure(cases: readonly Case[], endpoint: string): Promise<Sample[][]> {
  const samples = cases.map((): Sample[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, { program = process.execPath, argv }] of cases.entries()) {
      const script = `TIMEFORMAT='%3R %3U %3S'; time "$@" > /dev/null 2> /dev/null < /dev/null`;
      const env = { PATH: process.env['PATH'] ?? '', FLEETCTL_ENDPOINT: endpoint };
      const { stderr } = await execute('bash', ['--norc', '-c', script, 'bash', program, ...argv], { env }).catch((error: unknown) => {
        // The commands may fail on purpose; what they took was printed.
        if (typeof error === 'object' && error !== null && 'stderr' in error && typeof error.stderr === 'string') return { stderr: error.stderr };
        throw error;
      });
      const [real = Number.NaN, user = Number.NaN, system = Number.NaN] = stderr.trim().split(' ').map(Number);
      samples[index]?.push({ wallMs: real * 1000, processorMs: (user + system) * 1000 });
    }
  }
  return samples;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await run();
