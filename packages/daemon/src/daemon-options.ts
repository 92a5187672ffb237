import type { RuntimeMemory } from '@fleet/agent';
import type { ApiServerOptions, ListenerSpec } from '@fleet/api-server';
import type { MachineId, Metadata } from '@fleet/model';
import type { Store } from '@fleet/registry';
import type { Clock, Logger } from '@fleet/runtime';
import type { UnitManager } from '@fleet/systemd';

/** What may change while a daemon runs; see {@link Daemon.reload}. */
export interface DaemonSettings {
  /** Address to publish; empty to find one. */
  readonly publicIp: string;
  /** Static metadata of the machine. */
  readonly metadata: Metadata;
  /** What happens to the units when the machine's lease may have ended. */
  readonly onLeaseLoss: 'keep' | 'stop';
  /** What happens to the units when the daemon is told to end. */
  readonly shutdown: 'purge' | 'keep';
}

/** What a running daemon cannot change. */
export interface DaemonConfig extends DaemonSettings {
  readonly version: string;
  readonly machine: MachineId;
  readonly bootId: string;
  /** Life of the machine's lease. */
  readonly agentTtlMs: number;
  /** A fifth of the life of the leader's lease, as in the original. */
  readonly engineReconcileIntervalMs: number;
  readonly disableEngine: boolean;
  /** Page size of API listings. */
  readonly tokenLimit: number;
  readonly keyPrefix: string;
  /** How long putting the units away may take at the end. */
  readonly drainDeadlineMs: number;
  /** Evacuation pauses when more than this share of the machines vanished at once; 1 for never. */
  readonly evacuationPauseShare: number;
  readonly listeners: readonly ListenerSpec[];
}

/** What a daemon works on. The caller made it, and disposes of it afterwards. */
export interface DaemonAdapters {
  readonly store: Store;
  readonly manager: UnitManager;
  readonly memory: RuntimeMemory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Finds the address to publish; none is found unless told. */
  readonly detectAddress?: () => Promise<string>;
  /** Reads this machine's id again, to notice that it changed. */
  readonly readMachineId?: () => Promise<string>;
  /** Limits and times of the API, for those who know why. */
  readonly api?: Partial<Pick<ApiServerOptions, 'limits' | 'cacheIdleMs' | 'readTimeoutMs' | 'closeTimeoutMs'>>;
}

/** Values of the original where it has one. */
export const DEFAULT_DAEMON_CONFIG: Omit<DaemonConfig, 'version' | 'machine' | 'bootId' | 'listeners'> = {
  publicIp: '',
  metadata: {},
  onLeaseLoss: 'keep',
  shutdown: 'purge',
  agentTtlMs: 30_000,
  engineReconcileIntervalMs: 2000,
  disableEngine: false,
  tokenLimit: 100,
  keyPrefix: '/_coreos.com/fleet/',
  drainDeadlineMs: 60_000,
  evacuationPauseShare: 1 / 3,
};
