import { describeError, silentLogger, type Clock, type Logger } from '@fleet/runtime';

import { systemdUnavailable, unitRefused } from '../errors.ts';
import { EventFeed } from '../event-feed.ts';
import { UnitDirectory } from '../unit-directory.ts';
import type { LocalUnitFile, LocalUnitState, UnitCallOptions, UnitJob, UnitManager, UnitManagerEvent } from '../unit-manager.ts';
import { checkUnitName } from '../unit-types.ts';
import { readInstall, readUnitText } from '../unit-text.ts';
import { untilAborted } from './abortable.ts';
import { Batcher } from './batcher.ts';
import { busSocketPath } from './bus-address.ts';
import type { BusSignal } from './bus-connection.ts';
import { BusError } from './call-table.ts';
import { GroupMovePrimer } from './group-move-primer.ts';
import { JobTable } from './job-table.ts';
import { unitNameOf } from './object-path.ts';
import { ReloadKeeper } from './reload-keeper.ts';
import { StateReader } from './state-reader.ts';
import { StateWatch } from './state-watch.ts';
import { NO_SUCH_UNIT } from './systemd-calls.ts';
import { SystemdLink } from './systemd-link.ts';

export interface DbusUnitManagerOptions {
  /** Where unit files are written, as systemd sees it; an absolute path. */
  readonly unitsDirectory: string;
  /** `system`, `user`, or a D-Bus address of a unix socket. */
  readonly bus: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Ends the first attempt to connect. */
  readonly signal?: AbortSignal;
}

/**
 * Units of a machine through systemd's D-Bus interface. Connects at once; a connection lost later is renewed, with
 * `lost` and `restored` events. Disposing it touches no unit.
 *
 * @throws FleetError SYSTEMD_UNAVAILABLE if systemd cannot be reached, BUS_ADDRESS if `bus` names no socket.
 */
export async function createDbusUnitManager(options: DbusUnitManagerOptions): Promise<UnitManager> {
  const manager = new DbusUnitManager(options);
  await manager.connect(options.signal);
  return manager;
}

class DbusUnitManager implements UnitManager {
  readonly #options: DbusUnitManagerOptions;
  readonly #logger: Logger;
  readonly #directory: UnitDirectory;
  readonly #feed = new EventFeed();
  readonly #jobs = new JobTable();
  readonly #reader: StateReader;
  readonly #watch: StateWatch;
  readonly #reloads: ReloadKeeper;
  readonly #primer: GroupMovePrimer;
  readonly #links = new Batcher((paths) => this.#calls.linkUnitFiles(paths));
  readonly #enables = new Batcher(async (paths) => {
    if (!(await this.#calls.enableUnitFiles(paths))) throw nothingToEnable(paths.join(', '));
  });
  readonly #disables = new Batcher((names) => this.#calls.disableUnitFiles(names));
  #link: SystemdLink | undefined;

  constructor(options: DbusUnitManagerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#directory = new UnitDirectory(options.unitsDirectory);
    this.#reader = new StateReader(() => this.#calls);
    this.#reloads = new ReloadKeeper(() => this.#calls, this.#logger);
    this.#primer = new GroupMovePrimer({ clock: options.clock, logger: this.#logger });
    this.#watch = new StateWatch({
      read: (names) => this.#reader.read(names, undefined),
      publish: (name, state) => this.#feed.publish({ kind: 'state', name, state }),
      clock: options.clock,
      logger: this.#logger,
    });
  }

  async connect(signal: AbortSignal | undefined): Promise<void> {
    this.#link = await SystemdLink.open(
      {
        socketPath: busSocketPath(this.#options.bus),
        clock: this.#options.clock,
        logger: this.#logger,
        onSignal: (message) => this.#receive(message),
        onDown: () => {
          this.#jobs.cancelAll();
          this.#watch.forgetStates();
          this.#feed.publish({ kind: 'lost' });
        },
        onUp: () => {
          this.#feed.publish({ kind: 'restored' });
          this.#watch.checkAll();
        },
      },
      signal,
    );
  }

  async listFiles({ signal }: UnitCallOptions = {}): Promise<readonly LocalUnitFile[]> {
    signal?.throwIfAborted();
    this.#checkOpen();
    const files = await this.#directory.list(signal);
    signal?.throwIfAborted();
    for (const { name } of files) this.#watch.follow(name);
    return files;
  }

  async readFile(name: string, { signal }: UnitCallOptions = {}): Promise<string | undefined> {
    signal?.throwIfAborted();
    this.#checkOpen();
    const text = await this.#directory.read(name);
    signal?.throwIfAborted();
    return text;
  }

  async readStates(names: readonly string[], { signal }: UnitCallOptions = {}): Promise<ReadonlyMap<string, LocalUnitState>> {
    signal?.throwIfAborted();
    for (const name of names) this.#watch.follow(name);
    return this.#explained('read unit states', () => this.#reader.read(names, signal));
  }

  async load(name: string, text: string, { signal }: UnitCallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const path = this.#directory.pathOf(name);
    const install = readInstall(readUnitText(text));
    if (install === 'empty') throw nothingToEnable(name);
    // Before anything is written, so that there is nothing to undo without a connection.
    this.#checkUp();
    // Most units that are loaded are started at once.
    this.#primer.prime();
    try {
      await this.#directory.write(name, text);
      signal?.throwIfAborted();
      const asked = install === 'present' ? this.#enables.add(path) : this.#links.add(path);
      await this.#explained(`load unit ${name}`, () => untilAborted(asked, signal));
    } catch (error) {
      await this.#remove(name).catch((failure: unknown) => this.#logger.warn('failed load not undone', { unit: name, error: describeError(failure) }));
      throw error;
    }
    this.#reloads.changed(name);
    this.#watch.follow(name);
    this.#watch.checkSoon(name);
  }

  async unload(name: string, { signal }: UnitCallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    checkUnitName(name);
    await this.#remove(name, signal);
    this.#reloads.changed(name);
    this.#watch.check(name);
  }

  async reloadIfNeeded({ signal }: UnitCallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#explained('reload systemd', () => this.#reloads.reloadIfNeeded(signal));
  }

  async start(name: string, { signal }: UnitCallOptions = {}): Promise<UnitJob> {
    signal?.throwIfAborted();
    checkUnitName(name);
    this.#watch.follow(name);
    return this.#explained(`start unit ${name}`, () => this.#jobs.expect(() => this.#primer.during(() => this.#calls.startUnit(name, signal))));
  }

  async stop(name: string, { signal }: UnitCallOptions = {}): Promise<UnitJob> {
    signal?.throwIfAborted();
    checkUnitName(name);
    return this.#explained(`stop unit ${name}`, async () => {
      try {
        return await this.#jobs.expect(() => this.#calls.stopUnit(name, signal));
      } catch (error) {
        if (isNoSuchUnit(error)) return { result: Promise.resolve('done') };
        throw error;
      }
    });
  }

  events({ signal }: { readonly signal: AbortSignal }): AsyncIterable<UnitManagerEvent> {
    return this.#feed.subscribe(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.close();
    this.#feed.close();
    this.#jobs.cancelAll();
    await this.#primer.close();
    await this.#link?.close();
    this.#link = undefined;
  }

  get #calls(): SystemdLink['calls'] {
    this.#checkOpen();
    return (this.#link as SystemdLink).calls;
  }

  /** @throws FleetError SYSTEMD_UNAVAILABLE */
  #checkUp(): SystemdLink['calls'] {
    return this.#calls;
  }

  #checkOpen(): void {
    if (this.#link === undefined) throw systemdUnavailable('the connection to systemd is closed');
  }

  /** Every step is tried even if one before it failed. */
  async #remove(name: string, signal?: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    const unlessUnknown = async (call: Promise<void>): Promise<void> => {
      try {
        await call;
      } catch (error) {
        if (!isNoSuchUnit(error)) throw error;
      }
    };
    await attempt(() => this.#explained(`disable unit ${name}`, () => unlessUnknown(untilAborted(this.#disables.add(name), signal))));
    await attempt(() => this.#explained(`forget failures of unit ${name}`, () => unlessUnknown(this.#calls.resetFailed(name, signal))));
    signal?.throwIfAborted();
    await attempt(() => this.#directory.remove(name));
    if (failures.length > 0) throw failures[0];
  }

  #receive({ interface: of, member, path, body }: BusSignal): void {
    if (of === 'org.freedesktop.DBus.Properties' && member === 'PropertiesChanged') {
      const name = body[0] === 'org.freedesktop.systemd1.Unit' ? unitNameOf(path) : undefined;
      if (name !== undefined) this.#watch.check(name);
    } else if (of !== 'org.freedesktop.systemd1.Manager') {
      return;
    } else if (member === 'JobRemoved') {
      const [, job, unit, result] = body as readonly [number, string, string, string];
      this.#jobs.removed(job, result);
      this.#watch.check(unit);
    } else if (member === 'UnitRemoved') {
      this.#watch.check(String(body[0]));
    } else if (member === 'Reloading' && body[0] === false) {
      this.#watch.checkAll();
    }
  }

  /** Turns error replies into what the port promises. */
  async #explained<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      throw explain(doing, error);
    }
  }
}

const UNREACHABLE = ['NoReply', 'Timeout', 'TimedOut', 'ServiceUnknown', 'NameHasNoOwner', 'Disconnected', 'NoServer', 'LimitsExceeded', 'NoMemory'];
const FORBIDDEN = ['AccessDenied', 'AuthFailed', 'InteractiveAuthorizationRequired'];

function explain(doing: string, error: BusError): Error {
  const word = error.busName.slice(error.busName.lastIndexOf('.') + 1);
  if (UNREACHABLE.includes(word)) return systemdUnavailable(`${doing}: ${error.message}`, { cause: error });
  const remedy = FORBIDDEN.includes(word) ? 'run fleetd as root, or allow its user to manage units with a polkit rule' : 'see systemctl status and journalctl -u of the unit on this machine';
  return unitRefused(`${doing}: ${error.message}`, { cause: error, remedy });
}

/** `NoSuchUnit` of what is not in memory, the others of unit files that do not exist. */
const MISSING_UNIT = [NO_SUCH_UNIT, 'org.freedesktop.DBus.Error.FileNotFound', 'System.Error.ENOENT'];

function nothingToEnable(what: string): Error {
  return unitRefused(`enable unit ${what}: its [Install] section says nothing about how to enable it`, {
    remedy: 'add WantedBy=, RequiredBy=, Alias= or Also=, or remove the section',
  });
}

function isNoSuchUnit(error: unknown): boolean {
  return error instanceof BusError && MISSING_UNIT.includes(error.busName);
}

