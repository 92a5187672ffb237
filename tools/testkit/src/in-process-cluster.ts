import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMachineId, type MachineId, type Metadata } from '@fleet/model';
import type { Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { createInProcessMachine, type InProcessMachine } from './in-process-machine.ts';

export interface InProcessClusterOptions {
  readonly machines: number;
  readonly agentTtlMs: number;
  readonly version: string;
  /** Kept at the end. A temporary directory that is removed at the end unless told. Keep it short: sockets have 107 bytes for their path. */
  readonly directory?: string;
  /** Disposed of at the end. In memory unless told. */
  readonly store?: Store;
  /** Metadata of the machine with this number, counted from 1, beside its host name. */
  readonly metadata?: (index: number) => Metadata;
  /** Machines do not say that the output of units is in files, as those with systemd. */
  readonly hidesUnitLogs?: boolean;
}

/** Daemons in this process on one embedded store, with units as child processes. */
export interface InProcessCluster extends AsyncDisposable {
  readonly machines: readonly InProcessMachine[];
  readonly directory: string;
  addMachine(): Promise<InProcessMachine>;
}

/** Starts a cluster; resolves when all its machines have joined. */
export async function createInProcessCluster(options: InProcessClusterOptions): Promise<InProcessCluster> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'fleet-'));
  const store = options.store ?? createMemoryStore();
  const machines: InProcessMachine[] = [];

  const create = (index: number): InProcessMachine => {
    const name = `m${index}`;
    const machine = createInProcessMachine({
      name,
      id: machineIdOf(index),
      directory: join(directory, name),
      store,
      metadata: { hostname: name, ...options.metadata?.(index) },
      publicIp: `127.0.0.${index}`,
      agentTtlMs: options.agentTtlMs,
      version: options.version,
      ...(options.hidesUnitLogs === undefined ? {} : { hidesUnitLogs: options.hidesUnitLogs }),
    });
    mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
    machines.push(machine);
    return machine;
  };
  const dispose = async (): Promise<void> => {
    await Promise.all(machines.map((machine) => machine[Symbol.asyncDispose]()));
    await store[Symbol.asyncDispose]();
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
  };

  try {
    await Promise.all(Array.from({ length: options.machines }, (_, index) => create(index + 1).boot()));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    machines,
    directory,
    addMachine: async () => {
      const machine = create(machines.length + 1);
      await machine.boot();
      return machine;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Ids whose first eight digits differ, as those of real machines do. */
function machineIdOf(index: number): MachineId {
  const digit = (index % 16).toString(16);
  const parsed = parseMachineId(`${digit.repeat(8)}${String(index).padStart(24, '0')}`);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
