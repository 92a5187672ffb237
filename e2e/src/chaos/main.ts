import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '@fleet/runtime';
import { repository } from '../built.ts';
import { realMachineObstacle } from '../machines/requirements.ts';
import { createRealCluster, type RealCluster } from '../real/real-cluster.ts';
import { parseChaosOptions, usage, type ChaosRunOptions } from './options.ts';
import { runChaos, type ChaosReport } from './run-chaos.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => ending.abort(new Error('interrupted')));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseChaosOptions(args, () => Math.floor(Math.random() * 1_000_000));
  switch (parsed.kind) {
    case 'help':
      say(usage);
      return 0;
    case 'bad':
      say(`${parsed.message}\n\n${usage}`);
      return 2;
    case 'run':
      return await run(parsed.options);
  }
}

async function run({ minutes, seed, ttlSeconds, etcdMembers }: ChaosRunOptions): Promise<number> {
  const obstacle = realMachineObstacle();
  if (obstacle !== undefined) {
    say(`no chaos here: ${obstacle}`);
    return 1;
  }
  say(`seed ${seed}, ${minutes} minutes, TTL ${ttlSeconds} s, ${etcdMembers} etcd; again with: npm run chaos -- --minutes ${minutes} --seed ${seed} --ttl ${ttlSeconds} --etcd ${etcdMembers}`);
  try {
    await using cluster = await createRealCluster({ machines: 3, etcdMembers, agentTtlMs: ttlSeconds * 1000, config: ['shutdown=keep'], signal: ending.signal });
    const report = await runChaos({ cluster, seed, durationMs: minutes * 60_000, roundMs: 60_000, say, signal: ending.signal }).catch(async (error: unknown) => {
      if (!ending.signal.aborted) await keepLogs(cluster, seed);
      throw error;
    });
    summarise(report);
    if (report.violations.length === 0) return ending.signal.aborted ? 130 : 0;
    await keepLogs(cluster, seed);
    return 1;
  } catch (error) {
    say(`chaos ended early: ${describeError(error)}`);
    return ending.signal.aborted ? 130 : 1;
  }
}

function summarise({ violations, acknowledged, refused, faults, looks, rounds }: ChaosReport): void {
  say('');
  for (const [name, count] of Object.entries(faults)) say(`${String(count).padStart(5)} × ${name}`);
  say(`${acknowledged} commands acknowledged, ${refused} refused, ${looks} looks at the machines, ${rounds} times settled`);
  for (const violation of violations) say(`broken: ${violation}`);
  say(violations.length === 0 ? 'no promise was broken' : `${violations.length} promises were broken`);
}

async function keepLogs(cluster: RealCluster, seed: number): Promise<void> {
  const directory = join(repository, 'e2e/tmp/logs', `chaos-${seed}`);
  mkdirSync(directory, { recursive: true });
  for (const machine of cluster.machines.filter(({ running }) => running)) {
    // All boots: the machine may have lost power since.
    const log = await machine.real.exec(['journalctl', '--no-pager', '--output=short-precise', '--unit=fleet.service'], { timeoutMs: 60_000 });
    writeFileSync(join(directory, `${machine.name}.log`), log.stdout);
  }
  say(`logs of the daemons: ${directory}`);
}
