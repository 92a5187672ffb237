import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster, ClusterMachine, ClusterOptions, FleetctlOptions } from '../cluster.ts';
import type { CommandResult } from '../machines/command.ts';
import { startEtcd, type Etcd } from '../machines/etcd.ts';
import { createRealMachine, type RealMachine } from '../machines/machine.ts';
import { createWorld, networkPrefix, type World } from '../machines/world.ts';
import { repository } from '../built.ts';
import { installFleet } from './install-fleet.ts';
import { createRealClusterMachine, type RealClusterMachine } from './real-cluster-machine.ts';

export interface RealClusterOptions extends ClusterOptions {
  /** Members of the etcd cluster; one unless told. */
  readonly etcdMembers?: number;
  /** More lines of fleet.conf for every machine. */
  readonly config?: readonly string[];
  /** Where logs of containers and etcd go; a temporary directory that is kept unless told. */
  readonly logs?: string;
  /** Aborting it while the cluster is being made ends what was started so far at once. */
  readonly signal?: AbortSignal;
}

/** A cluster on real machines, for tests that need more than the `Cluster` that scenarios know. */
export interface RealCluster extends Cluster {
  readonly world: World;
  readonly etcd: Etcd;
  readonly machines: readonly RealClusterMachine[];
  readonly logs: string;
  addMachine(): Promise<RealClusterMachine>;
}

/** Boots machines with their own systemd and D-Bus, a real etcd, and the built fleetd on each. Needs a build. */
export async function createRealCluster(options: RealClusterOptions): Promise<RealCluster> {
  const { signal } = options;
  signal?.throwIfAborted();
  const world = await createWorld();
  if (signal === undefined) return createIn(world, options);
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([createIn(world, options), aborted]);
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

async function createIn(world: World, options: RealClusterOptions): Promise<RealCluster> {
  const logs = options.logs ?? mkdtempSync(join(tmpdir(), 'fleet-e2e-'));
  mkdirSync(logs, { recursive: true });
  const shared = join(logs, 'units');
  mkdirSync(shared, { recursive: true });
  const agentTtlMs = options.agentTtlMs ?? 3_000;
  const machines: RealClusterMachine[] = [];

  const createMachine = async (etcd: Etcd, index: number): Promise<RealClusterMachine> => {
    const name = `m${index}`;
    const machine: RealMachine = await createRealMachine(world, {
      name,
      // Spread over all digits, so that short ids differ from each other.
      id: `${index.toString(16).repeat(8).slice(0, 8)}${String(index).padStart(24, '0')}`,
      address: `${networkPrefix}.1.${index}`,
      share: [repository, shared],
      log: join(logs, `${name}.log`),
    });
    installFleet(machine, {
      agentTtlMs,
      etcdServers: etcd.endpoints,
      config: [`metadata=hostname=${name}`, `public_ip=${machine.address}`, ...(options.config ?? [])],
    });
    const clusterMachine = createRealClusterMachine(machine);
    await clusterMachine.boot();
    return clusterMachine;
  };

  try {
    const etcd = await startEtcd(world, { members: options.etcdMembers ?? 1, logs });
    machines.push(...(await Promise.all(Array.from({ length: options.machines }, (_, index) => createMachine(etcd, index + 1)))));

    const anyMachine = (): RealClusterMachine => {
      const found = machines.find((machine) => machine.running && machine.daemonRunning);
      if (found === undefined) throw new Error('no machine has power and a running daemon');
      return found;
    };
    return {
      world,
      etcd,
      machines,
      logs,
      agentTtlMs,
      fleetctl: (args: readonly string[], { on, timeoutMs = 60_000 }: FleetctlOptions = {}): Promise<CommandResult> => {
        const machine = on === undefined ? anyMachine() : find(machines, on);
        return machine.real.exec(['fleetctl', ...args], { timeoutMs });
      },
      writeUnit: (name, text) => {
        const path = join(shared, name);
        writeFileSync(path, text);
        return Promise.resolve(path);
      },
      addMachine: async () => {
        const machine = await createMachine(etcd, machines.length + 1);
        machines.push(machine);
        return machine;
      },
      pauseStore: () => {
        for (const member of etcd.members) member.pause();
        return Promise.resolve();
      },
      resumeStore: async () => {
        for (const member of etcd.members) member.resume();
        await etcd.untilHealthy();
      },
      [Symbol.asyncDispose]: async () => {
        await world[Symbol.asyncDispose]();
        if (options.logs === undefined && process.env['FLEET_E2E_KEEP_LOGS'] === undefined) rmSync(logs, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
}

function find(machines: readonly RealClusterMachine[], wanted: ClusterMachine): RealClusterMachine {
  const found = machines.find((machine) => machine.name === wanted.name);
  if (found === undefined) throw new Error(`machine ${wanted.name} is not part of this cluster`);
  return found;
}
