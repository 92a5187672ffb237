import { randomUUID } from 'node:crypto';
import { createAgent, type AgentStatus } from '@fleet/agent';
import { createApiServer, createFleetMetrics, type Listener } from '@fleet/api-server';
import { createEngine, type EngineStatus } from '@fleet/engine';
import { createRegistry, withMetrics } from '@fleet/registry';
import { isAbort, runComponents, shutdownReason, type Component } from '@fleet/runtime';
import type { DaemonAdapters, DaemonConfig, DaemonSettings } from './daemon-options.ts';
import { MachineWatch } from './machine-watch.ts';
import { agentObserver, engineObserver, storeMetrics } from './observers.ts';

export interface DaemonStatus {
  readonly agent: AgentStatus;
  /** Null when the engine is disabled. */
  readonly engine: EngineStatus | null;
  /** Whether the API gives real answers. */
  readonly available: boolean;
}

/** One machine's daemon: agent, engine and API. Many can live in one process. */
export interface Daemon extends Component {
  readonly name: 'daemon';
  status(): DaemonStatus;
  /** Opens the listeners before {@link run}, so that a failure ends the start; run does it otherwise. */
  listen(): Promise<readonly Listener[]>;
  /** Where the API listens. */
  readonly listeners: readonly Listener[];
  /** Called when {@link status} may have changed; returns the function that ends it. */
  onChange(listener: () => void): () => void;
  /** Takes over new settings in place: units, sockets, session and lease stay. */
  reload(settings: DaemonSettings): void;
  /** Says that the machines whose evacuation is paused are dead; false when this daemon does not lead or holds none. */
  confirmEvacuation(): boolean;
  /** What agent and engine know, for a look from outside. */
  dump(): Readonly<Record<string, unknown>>;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

/**
 * Builds a daemon on a store and a unit manager. Nothing happens before `run` (or `listen`).
 *
 * @example
 * const daemon = createDaemon({ ...DEFAULT_DAEMON_CONFIG, version, machine, bootId, listeners }, { store, manager, memory, clock, logger });
 * await daemon.run(signal); // until the signal aborts and everything has ended in good order
 */
export function createDaemon(config: DaemonConfig, adapters: DaemonAdapters): Daemon {
  const { clock, logger, memory } = adapters;
  let settings: DaemonSettings = config;
  let ending = false;
  const opened: Listener[] = [];
  const metrics = createFleetMetrics({ version: config.version, now: () => clock.now() });
  const registry = createRegistry(withMetrics(adapters.store, storeMetrics(metrics), clock), { clock, logger, prefix: config.keyPrefix });
  const local = new MachineWatch({
    machine: config.machine,
    detectAddress: adapters.detectAddress ?? (() => Promise.resolve('')),
    readId: adapters.readMachineId,
    onAddress: () => {
      agent.refresh();
    },
    clock,
    logger,
  });
  const agent = createAgent({
    registry,
    manager: adapters.manager,
    memory,
    machine: config.machine,
    describe: () => ({
      bootId: config.bootId,
      address: settings.publicIp === '' ? local.address : settings.publicIp,
      metadata: settings.metadata,
      version: config.version,
      capabilities: { GRPC: false, DISABLE_ENGINE: config.disableEngine },
      ...(adapters.manager.logDirectory === undefined ? {} : { unitLogs: adapters.manager.logDirectory }),
    }),
    ttlMs: config.agentTtlMs,
    clock,
    logger: logger.with({ component: 'agent' }),
    onLeaseLoss: () => settings.onLeaseLoss,
    shutdown: () => settings.shutdown,
    drainDeadlineMs: config.drainDeadlineMs,
    observer: agentObserver(metrics),
  });
  const engine = config.disableEngine
    ? null
    : createEngine({
        registry,
        machine: config.machine,
        sessionId: `${memory.session.sessionId}/${randomUUID()}`,
        // The session is of this boot and this runtime directory, which one process at a time uses.
        isEarlierSession: (sessionId) => sessionId.startsWith(`${memory.session.sessionId}/`),
        clock,
        logger: logger.with({ component: 'engine' }),
        agentTtlMs: config.agentTtlMs,
        // When a machine that leads dies, the next leader has to be there before that machine's own key goes: one that finds it
        // gone cannot tell since when, and has to wait for another agent_ttl.
        leaderTtlMs: Math.max(1000, Math.min(config.engineReconcileIntervalMs * 5, config.agentTtlMs / 2)),
        evacuationPauseShare: config.evacuationPauseShare,
        observer: engineObserver(metrics),
      });
  const isAvailable = (): boolean => !ending && agent.status().presence.kind === 'present';
  const api = createApiServer({
    ...adapters.api,
    registry,
    version: config.version,
    clock,
    logger: logger.with({ component: 'api' }),
    tokenLimit: config.tokenLimit,
    metrics,
    engine: {
      leads: () => engine?.status().leading ?? false,
      evacuationPaused: () => engine?.status().evacuationPause ?? null,
      confirmEvacuation: () => engine?.confirmEvacuation() ?? false,
    },
    availability: { available: isAvailable, reason: () => unavailableBecause(ending, agent.status().presence.kind) },
  });
  const listen = async (): Promise<readonly Listener[]> => {
    if (opened.length === 0) opened.push(...(await api.listen(config.listeners)));
    return opened;
  };

  return {
    name: 'daemon',
    listeners: opened,
    listen,
    status: () => ({ agent: agent.status(), engine: engine?.status() ?? null, available: isAvailable() }),
    onChange: (listener) => agent.onChange(listener),
    reload: (next) => {
      settings = next;
      agent.refresh();
    },
    confirmEvacuation: () => engine?.confirmEvacuation() ?? false,
    dump: () => ({ machine: config.machine, agent: agent.dump(), engine: engine?.status() ?? null }),
    metrics: () => metrics.expose(),
    run: async (signal) => {
      await listen();
      await local.look();
      const serving = new AbortController();
      const served = api.run(serving.signal);
      try {
        signal.addEventListener('abort', () => (ending = true), { once: true });
        await runUntilLeft(signal);
      } finally {
        ending = true;
        serving.abort(shutdownReason);
        await served;
      }
    },
  };

  /**
   * Agent first: it puts its units away and leaves. An engine that leads stays until then and places what this machine
   * gave up, since the next leader would have to wait a TTL to be sure that this machine is not only cut off.
   */
  async function runUntilLeft(signal: AbortSignal): Promise<void> {
    const leading = new AbortController();
    const failed = new AbortController();
    let failure: unknown;
    const engineDone = engine?.run(leading.signal).catch((error: unknown) => {
      if (isAbort(error, leading.signal)) return;
      failure = error;
      failed.abort(shutdownReason);
    });
    try {
      await runComponents([agent, local], AbortSignal.any([signal, failed.signal]));
      if (engine?.status().leading === true && settings.shutdown === 'purge') await clock.sleep(LAST_PASS_MS);
    } finally {
      leading.abort(shutdownReason);
      await engineDone;
    }
    if (failure !== undefined) throw failure as Error;
  }
}

/** Time for a leader to place what its own machine gave up. */
const LAST_PASS_MS = 250;

function unavailableBecause(ending: boolean, presence: AgentStatus['presence']['kind']): string | undefined {
  if (ending) return 'this daemon is shutting down';
  switch (presence) {
    case 'present':
      return undefined;
    case 'joining':
      return 'this machine is not registered in the cluster yet';
    case 'duplicate':
      return 'another machine in the cluster has the same machine id';
    case 'uncertain':
      return 'the registry does not answer';
    default:
      return presence satisfies never;
  }
}
