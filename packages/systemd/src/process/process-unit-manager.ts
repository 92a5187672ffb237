import { join } from 'node:path';

import { silentLogger, type Clock, type Logger } from '@fleet/runtime';

import { systemdUnavailable, unitRefused } from '../errors.ts';
import { EventFeed } from '../event-feed.ts';
import { UnitDirectory } from '../unit-directory.ts';
import type { LocalUnitFile, LocalUnitState, UnitCallOptions, UnitJob, UnitManager, UnitManagerEvent } from '../unit-manager.ts';
import { checkUnitName } from '../unit-types.ts';
import { CommandRunner } from './command-runner.ts';
import { Guard } from './guard.ts';
import { ProcessGroup } from './process-group.ts';
import { processStartedAt, readMachineId } from './process-info.ts';
import { readService } from './read-service.ts';
import { RecordKeeper } from './record-keeper.ts';
import { RunRecords, type RunRecord } from './run-record.ts';
import { Service } from './service.ts';
import type { ServiceSpec } from './service-spec.ts';
import { localHostname, type SpecifierContext } from './specifiers.ts';
import { DEFAULT_LOG_BYTES, UnitLogs } from './unit-log.ts';

export interface ProcessUnitManagerOptions {
  readonly unitsDirectory: string;
  /** Holds `log/<unit>.log`, and what is needed to find running units again. One manager at a time may use it. */
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Variables that every unit gets beside systemd's own (PATH, HOME, …). */
  readonly environment?: Readonly<Record<string, string>>;
  /** `%m`; the machine's own unless told. */
  readonly machineId?: string;
  /** `%H`; the machine's own unless told. */
  readonly hostname?: string;
  /**
   * How long units live. `manager`: they end when the manager is disposed or this process dies in whatever way.
   * `machine`: they go on and the next manager takes them up. `manager` unless told.
   */
  readonly lifetime?: 'manager' | 'machine';
  /** How long units have to stop when the manager is disposed before they are killed; 5 s unless told. */
  readonly disposeGraceMs?: number;
  /** Size at which a log file is put aside; 1 MiB unless told. */
  readonly maxLogBytes?: number;
}

/** A unit manager that also tells where the output of a unit is. */
export interface ProcessUnitManager extends UnitManager {
  readonly logDirectory: string;
  logPath(name: string): string;
}

const DEFAULT_GRACE_MS = 5_000;

const DEAD: LocalUnitState = { load: 'loaded', active: 'inactive', sub: 'dead', result: 'success' };
const NOT_FOUND: LocalUnitState = { load: 'not-found', active: 'inactive', sub: 'dead' };

/**
 * Runs services as child processes, for machines without systemd and for trying things out. Honours the directives in
 * the README and refuses units that need others. Takes up or kills what a former manager left in the state directory.
 *
 * @throws FleetError UNIT_FILE_WRITE if the directories cannot be used.
 */
export async function createProcessUnitManager(options: ProcessUnitManagerOptions): Promise<ProcessUnitManager> {
  const context = { machineId: options.machineId ?? (await readMachineId()), hostname: options.hostname ?? localHostname() };
  const manager = new Processes(options, context);
  await manager.takeOver();
  return manager;
}

class Processes implements ProcessUnitManager {
  readonly #options: ProcessUnitManagerOptions;
  readonly #context: Pick<SpecifierContext, 'machineId' | 'hostname'>;
  readonly #logger: Logger;
  readonly #directory: UnitDirectory;
  readonly #logs: UnitLogs;
  readonly #records: RunRecords;
  readonly #keeper: RecordKeeper;
  readonly #guard: Guard | undefined;
  readonly #feed = new EventFeed();
  readonly #services = new Map<string, Service>();
  readonly #guarded = new Map<string, ReadonlySet<number>>();
  /** Texts of held services by which they run, to see what a reload would change. */
  readonly #texts = new Map<string, string>();
  readonly #ending = new AbortController();
  #disposal: Promise<void> | undefined;

  constructor(options: ProcessUnitManagerOptions, context: Pick<SpecifierContext, 'machineId' | 'hostname'>) {
    this.#options = options;
    this.#context = context;
    this.#logger = options.logger ?? silentLogger;
    this.#directory = new UnitDirectory(options.unitsDirectory);
    this.#logs = new UnitLogs(join(options.stateDirectory, 'log'), options.clock, options.maxLogBytes ?? DEFAULT_LOG_BYTES);
    this.#records = new RunRecords(join(options.stateDirectory, 'run'));
    this.#keeper = new RecordKeeper(this.#records, { clock: options.clock, logger: this.#logger });
    this.#guard = options.lifetime === 'machine' ? undefined : new Guard();
    this.#logs.watch();
  }

  get logDirectory(): string {
    return this.#logs.directory;
  }

  logPath(name: string): string {
    checkUnitName(name);
    return this.#logs.pathOf(name);
  }

  async takeOver(): Promise<void> {
    for (const [name, record] of this.#records.readAll()) {
      const main = await this.#stillThere(record.main);
      const others = (await Promise.all(record.others.map((group) => this.#stillThere(group)))).filter((group) => group !== undefined);
      const spec = await this.#readSpec(name).catch((error: unknown) => {
        this.#logger.warn('unit of a former manager cannot be taken up', { unit: name, error });
        return undefined;
      });
      if (spec === undefined) {
        for (const group of [main, ...others]) group?.killAll('SIGKILL');
        this.#keeper.remove(name);
        continue;
      }
      this.#logger.info('unit taken up', { unit: name, sub: record.sub, process: main?.id });
      this.#service(name, spec).adopt(record, main, others);
    }
  }

  async listFiles({ signal }: UnitCallOptions = {}): Promise<readonly LocalUnitFile[]> {
    this.#check(signal);
    const files = await this.#directory.list(signal);
    this.#check(signal);
    return files;
  }

  async readFile(name: string, { signal }: UnitCallOptions = {}): Promise<string | undefined> {
    this.#check(signal);
    const text = await this.#directory.read(name);
    this.#check(signal);
    return text;
  }

  async readStates(names: readonly string[], { signal }: UnitCallOptions = {}): Promise<ReadonlyMap<string, LocalUnitState>> {
    this.#check(signal);
    const states = new Map<string, LocalUnitState>();
    for (const name of names) states.set(name, await this.#stateOf(name));
    this.#check(signal);
    return states;
  }

  async load(name: string, text: string, { signal }: UnitCallOptions = {}): Promise<void> {
    this.#check(signal);
    checkUnitName(name);
    readService(name, text, this.#specifiers(name));
    await this.#directory.write(name, text);
    this.#feed.publish({ kind: 'state', name, state: await this.#stateOf(name) });
  }

  async unload(name: string, { signal }: UnitCallOptions = {}): Promise<void> {
    this.#check(signal);
    await this.#directory.remove(name);
    const service = this.#services.get(name);
    service?.resetFailed();
    if (service?.held !== true) this.#forget(name);
    this.#feed.publish({ kind: 'state', name, state: await this.#stateOf(name) });
  }

  async reloadIfNeeded({ signal }: UnitCallOptions = {}): Promise<void> {
    this.#check(signal);
    for (const [name, service] of this.#services) {
      const text = service.held ? await this.#directory.read(name) : undefined;
      if (text === undefined || text === this.#texts.get(name)) continue;
      try {
        service.setSpec(readService(name, text, this.#specifiers(name)));
        this.#texts.set(name, text);
      } catch (error) {
        // As systemd does with a file that has gone bad: the unit goes on by what was read before.
        this.#logger.warn('changed unit file cannot be used', { unit: name, error });
      }
    }
  }

  async start(name: string, { signal }: UnitCallOptions = {}): Promise<UnitJob> {
    this.#check(signal);
    checkUnitName(name);
    let service = this.#services.get(name);
    if (service?.held !== true || service.state.active === 'failed') {
      const spec = await this.#readSpec(name);
      if (spec === undefined) throw unitRefused(`start unit ${name}: there is no such unit file in ${this.#directory.path}`, { remedy: 'load the unit first' });
      this.#check(signal);
      service = this.#service(name, spec);
    }
    return { result: service.start() };
  }

  async stop(name: string, { signal }: UnitCallOptions = {}): Promise<UnitJob> {
    this.#check(signal);
    checkUnitName(name);
    const service = this.#services.get(name);
    return Promise.resolve({ result: service === undefined ? Promise.resolve('done') : service.stop() });
  }

  events({ signal }: { readonly signal: AbortSignal }): AsyncIterable<UnitManagerEvent> {
    return this.#feed.subscribe(signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#ending.abort();
    this.#feed.close();
    const services = [...this.#services.values()];
    if (this.#options.lifetime === 'machine') {
      // While they are still ours to describe.
      await this.#keeper.close();
      for (const service of services) service.abandon();
    } else {
      await Promise.all(services.map((service) => service.end(this.#options.disposeGraceMs ?? DEFAULT_GRACE_MS)));
      for (const service of services) this.#keeper.remove(service.name);
      await this.#keeper.close();
    }
    this.#guard?.close();
    await this.#logs.close();
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#ending.signal.aborted) throw systemdUnavailable('this unit manager has been disposed');
  }

  #specifiers(name: string): SpecifierContext {
    return { name, unitsDirectory: this.#directory.path, stateDirectory: this.#options.stateDirectory, ...this.#context };
  }

  async #readSpec(name: string): Promise<ServiceSpec | undefined> {
    const text = await this.#directory.read(name);
    if (text === undefined) return undefined;
    const spec = readService(name, text, this.#specifiers(name));
    this.#texts.set(name, text);
    return spec;
  }

  #service(name: string, spec: ServiceSpec): Service {
    const known = this.#services.get(name);
    if (known !== undefined) {
      known.setSpec(spec);
      return known;
    }
    const service = new Service(spec, {
      name,
      clock: this.#options.clock,
      runner: new CommandRunner(name, this.#logs, this.#options.environment ?? {}),
      changed: (changed) => void this.#changed(changed),
      note: (text) => this.#logs.note(name, text),
    });
    this.#services.set(name, service);
    return service;
  }

  async #stateOf(name: string): Promise<LocalUnitState> {
    const state = this.#services.get(name)?.state;
    if (await this.#directory.has(name)) return state ?? DEAD;
    return state === undefined || (state.active === 'inactive' && state.sub === 'dead') ? NOT_FOUND : { ...state, load: 'not-found' };
  }

  /** Tells the guard, the record and the readers of events, in the order of what matters most if we die now. */
  async #changed(service: Service): Promise<void> {
    const { name } = service;
    const groups = new Set(service.groups.map((group) => group.id));
    const before = this.#guarded.get(name) ?? new Set<number>();
    for (const group of groups) if (!before.has(group)) this.#guard?.add(group);
    for (const group of before) if (!groups.has(group)) this.#guard?.remove(group);
    this.#guarded.set(name, groups);
    await this.#keeper.keep(service);
    this.#feed.publish({ kind: 'state', name, state: await this.#stateOf(name) });
    if (!service.held && !(await this.#directory.has(name))) this.#forget(name);
  }

  async #stillThere(group: RunRecord['main']): Promise<ProcessGroup | undefined> {
    if (group === undefined || (await processStartedAt(group.group)) !== group.startedAt) return undefined;
    return ProcessGroup.adopt(group.group, group.startedAt, this.#options.clock, this.#ending.signal);
  }

  #forget(name: string): void {
    this.#services.delete(name);
    this.#texts.delete(name);
    this.#guarded.delete(name);
    this.#keeper.remove(name);
  }
}
