import { systemdListeners } from '@fleet/api-server';
import { checkMachineId, createDaemon, detectAddress, openRuntimeMemory, readBootId, readMachineId, type Daemon, type DaemonSettings } from '@fleet/daemon';
import { describeError, systemClock, type Logger } from '@fleet/runtime';
import { makeDirectory, openStore, openUnitManager } from './adapters.ts';
import { loadConfig } from './config/load-config.ts';
import type { FleetdConfig } from './config/normalise.ts';
import { describeProblem } from './config/problem.ts';
import { lockInstance } from './instance-lock.ts';
import { createNotifier } from './notify.ts';
import type { SignalHandlers } from './signals.ts';

export interface FleetdOptions {
  readonly config: FleetdConfig;
  /** As given on the command line, for reloads. */
  readonly configFile: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly logger: Logger;
  readonly setDebug: (debug: boolean) => void;
  readonly signal: AbortSignal;
  readonly handlers: SignalHandlers;
}

/** One fleetd, from a checked configuration to the end in good order. Throws what keeps it from starting or going on. */
export async function runFleetd(options: FleetdOptions): Promise<void> {
  const { config, env, logger, signal } = options;
  const clock = systemClock;
  const notifier = createNotifier(env, clock, logger);
  const machine = config.machineId === '' ? await readMachineId(config.machineIdFile) : checkMachineId(config.machineId, 'machine_id');
  const bootId = await readBootId();
  makeDirectory(config.runtimeDirectory, 'runtime_directory', 0o755);
  const unlock = lockInstance(config.runtimeDirectory);
  try {
    const memory = await openRuntimeMemory(config.runtimeDirectory, bootId);
    await using store = await openStore(config, clock);
    await using manager = await openUnitManager(config, machine, clock, logger.with({ component: 'systemd' }));
    const passed = systemdListeners(env, process.pid);
    const daemon = createDaemon(
      {
        ...settingsOf(config),
        version: options.version,
        machine,
        bootId,
        agentTtlMs: config.agentTtlMs,
        engineReconcileIntervalMs: config.engineReconcileIntervalMs,
        disableEngine: config.disableEngine,
        tokenLimit: config.tokenLimit,
        keyPrefix: config.keyPrefix,
        drainDeadlineMs: config.shutdownTimeoutMs,
        evacuationPauseShare: config.evacuationPauseShare,
        // What systemd passes stands for the unix sockets; TCP with TLS can only come from the configuration.
        listeners: passed.length > 0 ? [...passed, ...config.listeners.filter(({ kind }) => kind === 'tcp')] : config.listeners,
      },
      { store, manager, memory, clock, logger, detectAddress, ...(config.machineId === '' ? { readMachineId: () => readMachineId(config.machineIdFile) } : {}) },
    );
    logger.info('fleetd starting', { version: options.version, machine, registry: describeRegistry(config), systemd: config.systemd.kind });
    await daemon.listen();
    let told = false;
    const inForce = handle(options, daemon, notifier, () => told);
    // The heartbeat is tried several times a TTL, whatever the registry does: silence means that the agent is stuck.
    const unwatch = notifier.watch(() => daemon.status().agent.quietMs < config.agentTtlMs + STUCK_AFTER_MS);
    const tellReady = (): void => {
      if (told || !daemon.status().available) return;
      told = true;
      logger.info('fleetd ready', { machine });
      notifier.ready('joined the cluster');
    };
    daemon.onChange(tellReady);
    signal.addEventListener('abort', () => {
      logger.info('fleetd stopping', { shutdown: inForce.config.shutdown });
      notifier.stopping();
    });
    await daemon.run(signal);
    unwatch();
    await notifier.flush();
    logger.info('fleetd ended', { machine });
  } finally {
    unlock();
  }
}

/** Answers to signals. `isReady` says whether the service manager knows that fleetd is ready. Returns the configuration in force. */
function handle({ handlers, logger, configFile, env, setDebug, config }: FleetdOptions, daemon: Daemon, notifier: ReturnType<typeof createNotifier>, isReady: () => boolean): { readonly config: FleetdConfig } {
  const current = { config };
  handlers.reload = () => {
    logger.info('Reloading configuration', { file: configFile ?? 'default' });
    // Before that there is nothing to be ready again from.
    if (isReady()) notifier.reloading();
    const { config: next, problems } = loadConfig(configFile, env);
    for (const problem of problems) logger[problem.severity === 'error' ? 'error' : 'warn'](describeProblem(problem));
    if (next === null) logger.error('configuration is wrong, the old one stays in force');
    else {
      setDebug(next.debug);
      daemon.reload(settingsOf(next));
      const later = changedOptions(current.config, next);
      if (later.length > 0) logger.warn('these options take effect only after a restart', { options: later });
      logger.info('configuration reloaded');
      current.config = next;
    }
    if (isReady()) notifier.ready('joined the cluster');
  };
  handlers.dump = () => {
    process.stdout.write(`${JSON.stringify(daemon.dump())}\n`);
  };
  handlers.confirmEvacuation = () => {
    if (daemon.confirmEvacuation()) logger.warn('evacuation confirmed');
    else logger.info('no evacuation is paused here');
  };
  return current;
}

function settingsOf(config: FleetdConfig): DaemonSettings {
  return { publicIp: config.publicIp, metadata: config.metadata, onLeaseLoss: config.onLeaseLoss, shutdown: config.shutdown };
}

/** Longest time without a try of a heartbeat, beyond the TTL, before the watchdog is left to bite. */
const STUCK_AFTER_MS = 60_000;

const RELOADED: ReadonlySet<keyof FleetdConfig> = new Set(['publicIp', 'metadata', 'onLeaseLoss', 'shutdown', 'debug']);

function changedOptions(before: FleetdConfig, after: FleetdConfig): readonly string[] {
  return (Object.keys(after) as (keyof FleetdConfig)[]).filter((key) => !RELOADED.has(key) && JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

function describeRegistry({ registry }: FleetdConfig): string {
  return registry.kind === 'etcd' ? `etcd ${registry.endpoints.join(',')}` : `embedded ${registry.path}`;
}

/** Ends the process over a failure that nobody handled, with a word about it. */
export function reportFatal(logger: Logger, error: unknown): void {
  const remedy = typeof error === 'object' && error !== null && 'remedy' in error && typeof error.remedy === 'string' ? { remedy: error.remedy } : {};
  logger.error(`fleetd cannot go on: ${describeError(error)}`, remedy);
}
