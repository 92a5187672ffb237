import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDaemon, DEFAULT_DAEMON_CONFIG, openRuntimeMemory, type Daemon, type DaemonConfig } from '@fleet/daemon';
import type { MachineId, Metadata } from '@fleet/model';
import type { Store } from '@fleet/registry';
import { createLogger, shutdownReason, systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import type { UnitManager } from '@fleet/systemd';
import { createProcessUnitManager, type ProcessUnitManager } from '@fleet/systemd/process';
import { Gate, gateStore } from './gate.ts';

export interface InProcessMachineOptions {
  readonly name: string;
  readonly id: MachineId;
  /** Holds everything of this machine: `fleet.sock`, `fleetd.log`, unit files, output of units. */
  readonly directory: string;
  readonly store: Store;
  readonly metadata: Metadata;
  readonly publicIp: string;
  readonly agentTtlMs: number;
  readonly version: string;
  /** Does not say that the output of units is in files, as a machine with systemd. */
  readonly hidesUnitLogs?: boolean;
}

export interface InProcessUnit {
  readonly name: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** Identifies the process that runs; empty while none does. */
  readonly run: string;
}

/** A machine of which only the name is real: its units are child processes, its daemon lives in this process. */
export interface InProcessMachine extends AsyncDisposable {
  readonly name: string;
  readonly id: MachineId;
  readonly socketPath: string;
  readonly logPath: string;
  readonly running: boolean;
  readonly daemonRunning: boolean;
  /** The file that holds what a unit prints. */
  unitLogPath(unit: string): string;
  units(): Promise<readonly InProcessUnit[]>;
  boot(): Promise<void>;
  powerCut(): Promise<void>;
  /** Starts the daemon and waits until it has joined the cluster. */
  startDaemon(): Promise<void>;
  /** Ends the daemon, stops the units as they wish to be stopped, and switches off. */
  shutDown(): Promise<void>;
  /** Ends it as SIGTERM does: units are stopped, the machine leaves. */
  stopDaemon(): Promise<void>;
  /** Ends it as SIGKILL does, as far as that can be imitated: from now on nothing it does reaches store or units. */
  killDaemon(): Promise<void>;
  cut(): void;
  heal(): void;
}

/** How long units have to stop when a machine is shut down; what is left then is killed. */
const stopGraceMs = 5_000;

interface RunningDaemon {
  readonly daemon: Daemon;
  readonly config: DaemonConfig;
  readonly gate: Gate;
  readonly ending: AbortController;
  readonly ended: Promise<void>;
}

export function createInProcessMachine(options: InProcessMachineOptions): InProcessMachine {
  const { name, id, directory } = options;
  const disk = join(directory, 'disk');
  const run = join(directory, 'run');
  const socketPath = join(directory, 'fleet.sock');
  const logPath = join(directory, 'fleetd.log');
  let power: { readonly manager: ProcessUnitManager; readonly bootId: string } | undefined;
  let running: RunningDaemon | undefined;
  let cut = false;

  const logger = createLogger({
    level: () => 'debug',
    format: 'json',
    write: (line) => {
      appendFileSync(logPath, `${line}\n`);
    },
  });
  const needPower = (): { readonly manager: ProcessUnitManager; readonly bootId: string } => {
    if (power === undefined) throw new Error(`machine ${name} is off: boot it first`);
    return power;
  };

  const startDaemon = async (): Promise<void> => {
    const { manager, bootId } = needPower();
    if (running !== undefined) throw new Error(`the daemon of machine ${name} is already running`);
    const config: DaemonConfig = {
      ...DEFAULT_DAEMON_CONFIG,
      version: options.version,
      machine: id,
      bootId,
      metadata: options.metadata,
      publicIp: options.publicIp,
      agentTtlMs: options.agentTtlMs,
      listeners: [{ kind: 'unix', path: socketPath }],
    };
    const gate = new Gate();
    if (cut) gate.pause();
    const memory = await openRuntimeMemory(join(run, 'session'), bootId);
    const daemon = createDaemon(config, { store: gateStore(options.store, gate), manager: options.hidesUnitLogs === true ? withoutLogs(manager) : manager, memory, clock: systemClock, logger: logger.with({ machine: name }) });
    await daemon.listen();
    const ending = new AbortController();
    const started: RunningDaemon = { daemon, config, gate, ending, ended: daemon.run(ending.signal) };
    running = started;
    let failure: unknown;
    started.ended.catch((error: unknown) => {
      failure = error;
      logger.error('daemon failed', { machine: name, error });
    });
    if (cut) return;
    await waitUntil(
      `the daemon of machine ${name} to join (its log: ${logPath})`,
      () => {
        if (failure !== undefined) throw failure as Error;
        return daemon.status().available && daemon.status().agent.ready;
      },
      { deadlineMs: 30_000 },
    );
  };

  const killDaemon = async (): Promise<void> => {
    const killed = running;
    if (killed === undefined) return;
    running = undefined;
    killed.gate.close();
    killed.daemon.reload({ ...killed.config, shutdown: 'keep' });
    killed.ending.abort(shutdownReason);
    await killed.ended.catch(() => undefined);
  };

  const powerCut = async (): Promise<void> => {
    const { manager } = needPower();
    await killDaemon();
    await manager[Symbol.asyncDispose]();
    power = undefined;
    rmSync(run, { recursive: true, force: true });
    rmSync(socketPath, { force: true });
  };

  return {
    name,
    id,
    socketPath,
    logPath,
    get running() {
      return power !== undefined;
    },
    get daemonRunning() {
      return running !== undefined;
    },
    unitLogPath: (unit) => needPower().manager.logPath(unit),
    units: async () => {
      const { manager } = needPower();
      const names = (await manager.listFiles()).map((file) => file.name).sort();
      const states = await manager.readStates(names);
      return names.map((unit) => {
        const { load = 'not-found', active = 'inactive', sub = 'dead' } = states.get(unit) ?? {};
        return { name: unit, load, active, sub, run: readRun(join(disk, 'state', 'run', `${unit}.json`)) };
      });
    },
    boot: async () => {
      if (power !== undefined) throw new Error(`machine ${name} is already running`);
      mkdirSync(disk, { recursive: true });
      mkdirSync(run, { recursive: true });
      const manager = await createProcessUnitManager({
        unitsDirectory: join(run, 'units'),
        // Holds the output of units, which outlives a power cut as a journal does.
        stateDirectory: join(disk, 'state'),
        clock: systemClock,
        logger: logger.with({ machine: name, component: 'systemd' }),
        machineId: id,
        hostname: name,
        // A power cut asks nobody to stop.
        disposeGraceMs: 0,
      });
      power = { manager, bootId: randomBytes(16).toString('hex') };
      await startDaemon();
    },
    powerCut,
    startDaemon,
    shutDown: async () => {
      const { manager } = needPower();
      await killDaemon();
      const names = (await manager.listFiles()).map((file) => file.name);
      const stops = await Promise.allSettled(names.map((unit) => manager.stop(unit)));
      const ends = stops.flatMap((stop) => (stop.status === 'fulfilled' ? [stop.value.result] : []));
      const waited = new AbortController();
      const grace = systemClock.sleep(stopGraceMs, { signal: waited.signal }).catch(() => undefined);
      await Promise.race([Promise.all(ends), grace]);
      waited.abort();
      await powerCut();
    },
    stopDaemon: async () => {
      const stopped = running;
      if (stopped === undefined) return;
      running = undefined;
      stopped.ending.abort(shutdownReason);
      await stopped.ended;
    },
    killDaemon,
    cut: () => {
      cut = true;
      running?.gate.pause();
    },
    heal: () => {
      cut = false;
      running?.gate.open();
    },
    [Symbol.asyncDispose]: async () => {
      if (power !== undefined) await powerCut();
    },
  };
}

function readRun(recordPath: string): string {
  try {
    const record = JSON.parse(readFileSync(recordPath, 'utf8')) as { readonly main?: { readonly group: number; readonly startedAt: string } };
    return record.main === undefined ? '' : `${record.main.group}@${record.main.startedAt}`;
  } catch {
    return '';
  }
}

/** The same manager but for where it keeps the output of units. */
function withoutLogs(manager: UnitManager): UnitManager {
  return {
    listFiles: (options) => manager.listFiles(options),
    readFile: (name, options) => manager.readFile(name, options),
    readStates: (names, options) => manager.readStates(names, options),
    load: (name, text, options) => manager.load(name, text, options),
    unload: (name, options) => manager.unload(name, options),
    reloadIfNeeded: (options) => manager.reloadIfNeeded(options),
    start: (name, options) => manager.start(name, options),
    stop: (name, options) => manager.stop(name, options),
    events: (options) => manager.events(options),
    [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose](),
  };
}
