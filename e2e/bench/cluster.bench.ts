// What a cluster of three real machines costs and how quick it is, beside what plain systemd and plain etcd do in the same run.
import { readFileSync, statSync } from 'node:fs';
import { builtFleetctl } from '../src/built.ts';
import { expectSuccess, runCommand } from '../src/machines/command.ts';
import { realMachineObstacle } from '../src/machines/requirements.ts';
import { createRealCluster, type RealCluster } from '../src/real/real-cluster.ts';
import type { RealClusterMachine } from '../src/real/real-cluster-machine.ts';
import { activeSince, cpuSeconds, daemonCpuSeconds, daemonMemory, daemonPeakMb, lastActive, memoryFrom, unitFilesOn, untilGone } from './bench-machine.ts';
import { leaseEndMs, putMs, readCounters } from './plain-etcd.ts';
import { startAndRemovePlain } from './plain-systemd.ts';
import { median, monotonicMicros, repeat } from './stopwatch.ts';

/** As in the default configuration. */
const agentTtlMs = 30_000;
/** One slow check of each machine falls into it, wherever it begins. */
const restSeconds = Number(process.env['FLEET_BENCH_REST_SECONDS'] ?? 60);
/** Units that pass through daemons that have just been started before their times count: theirs run for weeks. */
const warmUpUnits = 40;
const text = '[Unit]\nDescription=bench %i\n[Service]\nExecStart=/bin/sleep infinity\n';

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly beside: string;
  readonly ratio: string;
  readonly goal: string;
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
const times = (value: number): string => `${value.toFixed(1)}×`;
const rows: Row[] = [];
function report(what: string, measured: string, beside: string, ratio: string, goal: string): void {
  rows.push({ what, measured, beside, ratio, goal });
  console.log(`${what}: ${measured}${beside === '' ? '' : `; ${beside}`}`);
}

/** The whole process of a user's fleetctl, on the host against the socket of the first machine. */
async function fleetctl(cluster: RealCluster, ...args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const env = { PATH: process.env['PATH'], HOME: '/root', FLEETCTL_ENDPOINT: `unix://${cluster.machines[0]!.real.runtimePath('/run/fleet.sock')}` };
  await expectSuccess(`fleetctl ${args.slice(0, 3).join(' ')}`, runCommand(process.execPath, [builtFleetctl(), ...args], { env, timeoutMs: 240_000 }));
  return performance.now() - begin;
}

const instances = (template: string, count: number): readonly string[] => Array.from({ length: count }, (_, n) => `${template}@${n}.service`);

async function oneUnit(cluster: RealCluster): Promise<void> {
  const template = await cluster.writeUnit('one@.service', text);
  await fleetctl(cluster, 'submit', template);
  const startOne = async (name: string): Promise<{ readonly begin: number; readonly answered: number; readonly active: number }> => {
    const begin = monotonicMicros();
    const { status, body } = await cluster.machines[0]!.request({ method: 'PUT', path: `/fleet/v1/units/${name}`, body: { name, desiredState: 'launched', options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep infinity' }] } });
    const answered = monotonicMicros();
    if (status !== 201) throw new Error(`PUT ${name}: ${status} ${body}`);
    return { begin, answered, active: await lastActive(cluster.machines, [name], 20_000) };
  };
  await repeat(warmUpUnits, (round) => startOne(`one@warm-${round}.service`));
  const version = median(await repeat(5, () => fleetctl(cluster, 'version')));
  const whole = median(await repeat(7, (round) => fleetctl(cluster, 'start', `one@whole-${round}.service`)));
  const plainOnes = await repeat(15, async (round) => {
    const machine = cluster.machines[1]!;
    const name = `plain-one-${round}.service`;
    machine.real.writeFile(`/run/systemd/system/${name}`, text);
    const begin = monotonicMicros();
    await machine.real.output(['systemctl', 'start', name]);
    const whole = (monotonicMicros() - begin) / 1000;
    return { whole, toActive: ((await activeSince(machine, [name])).get(name)! - begin) / 1000 };
  });
  const plain = median(plainOnes.map((sample) => sample.whole));
  const plainActive = median(plainOnes.map((sample) => sample.toActive));
  report('fleetctl start of one unit, whole process', ms(whole), `systemctl start ${ms(plain)}, fleetctl version ${ms(version)}`, times(whole / plain), '150 ms');

  const inDaemons = await repeat(20, async (round) => {
    const name = `one@daemons-${round}.service`;
    const { begin, answered, active } = await startOne(name);
    const place = cluster.machines.find((machine) => unitFilesOn(machine).includes(name))!;
    // The file's time is of the other clock.
    const behindMs = performance.timeOrigin + performance.now() - monotonicMicros() / 1000;
    const toFile = statSync(place.real.runtimePath(`/run/fleet/units/${name}`)).mtimeMs - behindMs - begin / 1000;
    return { toActive: (active - begin) / 1000, toAnswer: (answered - begin) / 1000, toFile };
  });
  const put = await putMs(cluster);
  const toActive = inDaemons.map((sample) => sample.toActive).sort((a, b) => a - b);
  report('request to active in the daemons, p50', ms(median(toActive)), `systemctl start to active ${ms(plainActive)}; slowest ${ms(toActive.at(-1) ?? 0)}`, times(median(toActive) / plainActive), '30 ms');
  report('of it until the unit file is on its machine', ms(median(inDaemons.map((sample) => sample.toFile))), 'the rest is systemd, which reads its directories anew', '', '');
  report('request to its answer (a write to etcd), p50', ms(median(inDaemons.map((sample) => sample.toAnswer))), `one etcd put ${ms(put)}`, times(median(inDaemons.map((sample) => sample.toAnswer)) / put), '');
  await fleetctl(cluster, 'destroy', '--no-block', ...cluster.machines.flatMap(unitFilesOn), 'one@.service');
  await untilGone(cluster.machines, 30_000);
}

/** Starts `count` units of one template and leaves them running when `keep` is set. */
async function manyUnits(cluster: RealCluster, count: number, rounds: number): Promise<void> {
  const plain = await repeat(rounds, (round) => startAndRemovePlain(cluster.machines, count, text, `${count}-${round}`));
  const fleet = await repeat(rounds, async (round) => {
    const template = `many-${count}-${round}`;
    await fleetctl(cluster, 'submit', await cluster.writeUnit(`${template}@.service`, text));
    const names = instances(template, count);
    const begin = monotonicMicros();
    const process = fleetctl(cluster, 'start', ...names);
    const [active, wholeMs] = await Promise.all([lastActive(cluster.machines, names, 240_000), process]);
    const destroying = monotonicMicros();
    const ended = fleetctl(cluster, 'destroy', ...names);
    await untilGone(cluster.machines, 240_000);
    const gone = monotonicMicros();
    await ended;
    await fleetctl(cluster, 'destroy', `${template}@.service`);
    return { startMs: (active - begin) / 1000, wholeMs, goneMs: (gone - destroying) / 1000 };
  });
  const plainStart = median(plain.map(({ startMs }) => startMs));
  const plainGone = median(plain.map(({ goneMs }) => goneMs));
  const start = median(fleet.map(({ startMs }) => startMs));
  const gone = median(fleet.map(({ goneMs }) => goneMs));
  report(`${count} units of one template started, all active`, ms(start), `systemctl ${ms(plainStart)}; fleetctl ended after ${ms(median(fleet.map(({ wholeMs }) => wholeMs)))}`, times(start / plainStart), '3× systemd');
  report(`${count} units destroyed, all gone`, ms(gone), `systemctl ${ms(plainGone)}`, times(gone / plainGone), '5× systemd');
}

async function atRest(cluster: RealCluster, count: number): Promise<void> {
  await fleetctl(cluster, 'submit', await cluster.writeUnit('rest@.service', text));
  const names = instances('rest', count);
  await fleetctl(cluster, 'start', ...names);
  await lastActive(cluster.machines, names, 240_000);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const etcd = (): number => cpuSeconds(readFileSync(`/proc/${cluster.etcd.members[0]!.pid}/stat`, 'utf8'));
  const read = async () => ({ counters: await readCounters(cluster), etcd: etcd(), daemons: await Promise.all(cluster.machines.map(daemonCpuSeconds)), at: performance.now() });
  const before = await read();
  await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000));
  const after = await read();
  const seconds = (after.at - before.at) / 1000;
  const share = (value: number): number => (100 * value) / seconds;
  const daemons = after.daemons.map((value, index) => share(value - before.daemons[index]!));
  const leader = cluster.machines.findIndex(({ real }) => real.id === leaderId);
  const others = daemons.filter((_, index) => index !== leader);
  const etcdShare = `etcd ${share(after.etcd - before.etcd).toFixed(2)} %`;
  report(`processor of the leading fleetd at rest, ${count} units`, `${(daemons[leader] ?? NaN).toFixed(2)} %`, `others ${others.map((value) => value.toFixed(2)).join(' and ')} %, ${etcdShare}`, '', '0.5 % of a core');
  const rate = (key: keyof typeof after.counters): number => (after.counters[key] - before.counters[key]) / seconds;
  report('etcd writes a second at rest', (rate('puts') + rate('deletes')).toFixed(2), `reads ${rate('ranges').toFixed(2)}, lease keepalives ${rate('keepalives').toFixed(2)} a second`, '', '0');
  await reportMemory(cluster, `memory of fleetd, ${count} units at rest`, '');
  const peaks = await Promise.all(cluster.machines.map(daemonPeakMb));
  report('most memory of fleetd in this run', `${Math.max(...peaks).toFixed(0)} MB`, `of the machines: ${peaks.map((peak) => peak.toFixed(0)).join(', ')} MB`, '', 'bounded');
  await fleetctl(cluster, 'destroy', ...names, 'rest@.service');
  await untilGone(cluster.machines, 240_000);
}

async function reportMemory(cluster: RealCluster, what: string, goal: string): Promise<void> {
  const found = await Promise.all(cluster.machines.map(daemonMemory));
  const etcd = memoryFrom(readFileSync(`/proc/${cluster.etcd.members[0]!.pid}/smaps_rollup`, 'utf8'));
  const worst = (key: 'residentMb' | 'privateMb'): string => Math.max(...found.map((memory) => memory[key])).toFixed(0);
  report(what, `${worst('residentMb')} MB, ${worst('privateMb')} private`, `etcd ${etcd.residentMb.toFixed(0)} MB`, '', goal);
}

async function failover(cluster: RealCluster): Promise<void> {
  const lease = await leaseEndMs(cluster, agentTtlMs / 1000);
  await fleetctl(cluster, 'submit', await cluster.writeUnit('moved@.service', text));
  const names = instances('moved', 30);
  await fleetctl(cluster, 'start', ...names);
  await lastActive(cluster.machines, names, 60_000);
  const victim = cluster.machines.find(({ real }) => real.id !== leaderId && real.name !== cluster.machines[0]!.name)!;
  const theirs = unitFilesOn(victim);
  const begin = monotonicMicros();
  await victim.powerCut();
  const active = await lastActive(cluster.machines, names, agentTtlMs + 30_000);
  const beyond = (active - begin) / 1000 - agentTtlMs;
  report(`power cut, ${theirs.length} units active elsewhere: TTL +`, ms(beyond), `a plain etcd lease: TTL + ${ms(lease - agentTtlMs)}`, '', 'TTL + 500 ms');
  await victim.boot();
  await fleetctl(cluster, 'destroy', ...names, 'moved@.service');
  await untilGone(cluster.machines, 60_000);
}

/** The machine whose engine leads, from the state of its daemon. */
async function findLeader(machines: readonly RealClusterMachine[], cluster: RealCluster): Promise<string> {
  const value = await cluster.etcd.ctl(['get', '--print-value-only', '--prefix', '/_coreos.com/fleet/engine/leader']);
  const found = machines.find(({ real }) => value.includes(real.id));
  if (found === undefined) throw new Error(`nobody leads: ${value}`);
  return found.real.id;
}

function printTable(): void {
  const header: Row = { what: 'work', measured: 'fleet', beside: 'beside it', ratio: 'ratio', goal: 'goal' };
  const columns = ['what', 'measured', 'goal', 'ratio', 'beside'] as const;
  const widths = columns.map((column) => Math.max(...[header, ...rows].map((row) => row[column].length)));
  console.log('');
  for (const row of [header, ...rows]) console.log(columns.map((column, index) => row[column].padEnd(widths[index]!)).join('  ').trimEnd());
}

let leaderId = '';
const obstacle = realMachineObstacle();
if (obstacle !== undefined) console.log(`no figures: ${obstacle}`);
else {
  const wanted = (process.env['FLEET_BENCH_ONLY'] ?? 'idle,one,100,500,rest,failover').split(',');
  // With the default of one second, a computer that is busy with other things would make the bench fail rather than slow.
  await using cluster = await createRealCluster({ machines: 3, agentTtlMs, config: ['etcd_request_timeout=10'] });
  leaderId = await findLeader(cluster.machines, cluster);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '';
  console.log(`three machines, one etcd, TTL ${agentTtlMs / 1000} s; load of this computer before the start ${load}`);
  if (wanted.includes('idle')) await reportMemory(cluster, 'memory of an idle fleetd', '100 MB, 60 private');
  if (wanted.includes('one')) await oneUnit(cluster);
  if (wanted.includes('100')) await manyUnits(cluster, 100, 3);
  if (wanted.includes('500')) await manyUnits(cluster, 500, 1);
  if (wanted.includes('rest')) await atRest(cluster, 500);
  if (wanted.includes('failover')) await failover(cluster);
  printTable();
}
