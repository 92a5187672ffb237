import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, ClusterMachine, ClusterOptions } from './cluster.ts';
import { createInProcessCluster } from './in-process.ts';
import { describeRealMachines } from './machines/real-test.ts';
import { createRealCluster, type RealCluster } from './real/real-cluster.ts';

/** What the scenarios run against: FLEET_E2E_CLUSTER, daemons in this process unless told. */
export const clusterKind: 'in-process' | 'real' = process.env['FLEET_E2E_CLUSTER'] === 'real' ? 'real' : 'in-process';

/** Time for what the cluster should do "soon" (15 s in the original's functional tests). */
const soonMs = 15_000;

/** Scenarios that share one cluster, made before the first and emptied after each. */
export function describeScenarios(name: string, options: ClusterOptions, body: (cluster: () => Cluster) => void): void {
  if (clusterKind === 'real') {
    describeRealScenarios(name, options, body);
    return;
  }
  describe(`${name} (in process)`, () => {
    useCluster(() => createInProcessCluster(options), body);
  });
}

/** Scenarios that need machines with a systemd of their own. */
export function describeRealScenarios(name: string, options: Parameters<typeof createRealCluster>[0], body: (cluster: () => RealCluster) => void): void {
  describeRealMachines(`${name} (real machines)`, () => {
    useCluster(() => createRealCluster(options), body);
  });
}

function useCluster<C extends Cluster>(create: () => Promise<C>, body: (cluster: () => C) => void): void {
  let cluster: C | undefined;
  const get = (): C => {
    if (cluster === undefined) throw new Error('the cluster could not be made; see the failure of beforeAll');
    return cluster;
  };
  beforeAll(async () => {
    cluster = await create();
    current = cluster;
  }, 120_000);
  afterEach(async () => {
    if (cluster === undefined) return;
    try {
      await destroyAllUnits(cluster);
    } catch (error) {
      await keepLogs(`after ${expect.getState().currentTestName ?? 'a scenario'}`);
      throw error;
    }
  }, 120_000);
  afterAll(async () => {
    current = undefined;
    await cluster?.[Symbol.asyncDispose]();
  }, 60_000);
  body(get);
}

/** `it` with the time that a scenario may take. When it fails, the logs of the daemons are kept and their place is said. */
export function scenario(name: string, body: () => Promise<void>, timeoutMs = 90_000): void {
  it(
    name,
    async () => {
      try {
        await body();
      } catch (error) {
        await keepLogs(name);
        throw error;
      }
    },
    timeoutMs,
  );
}

let current: Cluster | undefined;

async function keepLogs(name: string): Promise<void> {
  if (current === undefined) return;
  const directory = fileURLToPath(new URL(`../tmp/logs/${clusterKind}/${name.replace(/[^\w-]+/g, '-').slice(0, 80)}`, import.meta.url));
  mkdirSync(directory, { recursive: true });
  for (const machine of poweredMachines(current)) {
    // A log that cannot be read must not hide the failure it would explain.
    const log = await machine.daemonLog().catch((error: unknown) => `the log cannot be read: ${String(error)}\n`);
    writeFileSync(join(directory, `${machine.name}.log`), log);
  }
  process.stderr.write(`logs of the daemons: ${directory}\n`);
}

/** Polls until `read` gives `expected`; fails with the last difference. */
export async function expectSoon<T>(read: () => T | Promise<T>, expected: T, deadlineMs = soonMs): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      expect(await read()).toEqual(expected);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Polls for `ms` and fails as soon as `read` gives anything but `expected`. */
export async function expectThroughout<T>(read: () => T | Promise<T>, expected: T, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    expect(await read()).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Path of a unit file of the fixtures; machines see it at the same place. */
export function fixture(name: string): string {
  return new URL(`../fixtures/units/${name}`, import.meta.url).pathname;
}

/** Runs fleetctl and expects exit code 0 and nothing on standard error. */
export async function fleetctl(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.fleetctl(args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

/** Rows of a listing, cells split at white space. */
export async function rows(cluster: Cluster, ...args: readonly string[]): Promise<readonly (readonly string[])[]> {
  const out = await fleetctl(cluster, ...args, '--no-legend', '--full');
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(/\s+/));
}

export async function unitFileNames(cluster: Cluster): Promise<readonly string[]> {
  return (await rows(cluster, 'list-unit-files', '--fields=unit')).map(([name = '']) => name);
}

/** Which machines have the unit active, by what the machines themselves say. */
export async function whereActive(cluster: Cluster, unit: string): Promise<readonly string[]> {
  const found = await Promise.all(poweredMachines(cluster).map(async (machine) => ((await machine.activeUnits()).includes(unit) ? [machine.name] : [])));
  return found.flat();
}

/** All active units with how many machines run them, by what the machines themselves say. */
export async function activeCounts(cluster: Cluster): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const names of await Promise.all(poweredMachines(cluster).map((machine) => machine.activeUnits())))
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** For each active unit its machine; for units that must run exactly once. */
export async function placement(cluster: Cluster): Promise<Readonly<Record<string, string>>> {
  const places: Record<string, string> = {};
  for (const machine of poweredMachines(cluster))
    for (const name of await machine.activeUnits()) {
      if (places[name] !== undefined) throw new Error(`${name} runs on ${places[name]} and on ${machine.name}`);
      places[name] = machine.name;
    }
  return places;
}

function poweredMachines(cluster: Cluster): readonly ClusterMachine[] {
  return cluster.machines.filter((machine) => machine.running);
}

export function machineNamed(cluster: Cluster, name: string | undefined): ClusterMachine {
  const found = cluster.machines.find((machine) => machine.name === name);
  if (found === undefined) throw new Error(`no machine is called ${String(name)}`);
  return found;
}

async function destroyAllUnits(cluster: Cluster): Promise<void> {
  const names = await unitFileNames(cluster);
  if (names.length > 0) await fleetctl(cluster, 'destroy', ...names);
  await expectSoon(async () => {
    const left = await Promise.all(poweredMachines(cluster).map((machine) => machine.units()));
    return left.flat().map(({ name }) => name);
  }, [], 30_000);
}
