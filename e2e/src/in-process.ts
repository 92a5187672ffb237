import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInProcessCluster as createCluster, type InProcessMachine } from '@fleet/testkit';
import { builtFleetctl, fleetVersion } from './built.ts';
import type { Cluster, ClusterMachine, ClusterOptions } from './cluster.ts';
import { runCommand } from './machines/command.ts';
import { requestOverSocket } from './request-over-socket.ts';

/** Daemons in this process on one embedded store, units as child processes, and the built fleetctl over a unix socket. */
export async function createInProcessCluster(options: ClusterOptions): Promise<Cluster> {
  const agentTtlMs = options.agentTtlMs ?? 3_000;
  const fleetctl = builtFleetctl();
  const cluster = await createCluster({ machines: options.machines, agentTtlMs, version: fleetVersion() });
  const sockets = new Map<string, string>();
  const wrap = (machine: InProcessMachine): ClusterMachine => {
    sockets.set(machine.name, machine.socketPath);
    return wrapMachine(machine);
  };
  const machines = cluster.machines.map(wrap);
  const unitFiles = join(cluster.directory, 'files');
  mkdirSync(unitFiles, { recursive: true });

  return {
    agentTtlMs,
    machines,
    fleetctl: (args, { on, timeoutMs = 60_000 } = {}) => {
      const name = on?.name ?? cluster.machines.find((machine) => machine.daemonRunning)?.name;
      const socket = name === undefined ? undefined : sockets.get(name);
      if (socket === undefined) throw new Error(`no running daemon${on === undefined ? '' : ` on ${on.name}`}`);
      const env = { PATH: process.env['PATH'], HOME: cluster.directory, LANG: 'C.UTF-8', FLEETCTL_ENDPOINT: `unix://${socket}` };
      return runCommand(process.execPath, [fleetctl, ...args], { timeoutMs, env });
    },
    writeUnit: (name, text) => {
      const path = join(unitFiles, name);
      writeFileSync(path, text);
      return Promise.resolve(path);
    },
    addMachine: async () => {
      const machine = wrap(await cluster.addMachine());
      machines.push(machine);
      return machine;
    },
    pauseStore: () => {
      for (const machine of cluster.machines) machine.cut();
      return Promise.resolve();
    },
    resumeStore: () => {
      for (const machine of cluster.machines) machine.heal();
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

function wrapMachine(machine: InProcessMachine): ClusterMachine {
  return {
    name: machine.name,
    id: machine.id,
    get running() {
      return machine.running;
    },
    activeUnits: async () => (await machine.units()).filter(({ active }) => active === 'active').map(({ name }) => name),
    units: () => machine.units(),
    powerCut: () => machine.powerCut(),
    boot: () => machine.boot(),
    killDaemon: () => machine.killDaemon(),
    stopDaemon: () => machine.stopDaemon(),
    startDaemon: () => machine.startDaemon(),
    cut: () => {
      machine.cut();
      return Promise.resolve();
    },
    heal: () => {
      machine.heal();
      return Promise.resolve();
    },
    daemonLog: () => readFile(machine.logPath, 'utf8'),
    request: (question) => requestOverSocket(machine.socketPath, question),
  };
}
