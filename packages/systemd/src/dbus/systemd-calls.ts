import { constants } from 'node:os';

import type { BusConnection } from './bus-connection.ts';
import { BusError } from './call-table.ts';
import { objectPathOf } from './object-path.ts';

const MANAGER_PATH = '/org/freedesktop/systemd1';
const MANAGER = 'org.freedesktop.systemd1.Manager';
const SYSTEMD = 'org.freedesktop.systemd1';
const PROPERTIES = 'org.freedesktop.DBus.Properties';
/** The error for a unit that systemd does not have in memory. */
export const NO_SUCH_UNIT = 'org.freedesktop.systemd1.NoSuchUnit';

/** `si_code` of a process that ended, as systemd publishes it. */
const CLD_EXITED = 1;
const CLD_KILLED = 2;
const CLD_DUMPED = 3;

/** Time for one call; the D-Bus default. */
const CALL_TIMEOUT_MS = 25_000;
/** systemd itself gives its generators 90 s in a reload. */
const RELOAD_TIMEOUT_MS = 100_000;

/** Signals that say something about units or jobs, each as narrow as a match rule can be. */
const MATCH_RULES = [
  `type='signal',sender='${SYSTEMD}',interface='${PROPERTIES}',member='PropertiesChanged',path_namespace='${MANAGER_PATH}/unit',arg0='${SYSTEMD}.Unit'`,
  `type='signal',sender='${SYSTEMD}',interface='${MANAGER}',member='JobRemoved',path='${MANAGER_PATH}'`,
  `type='signal',sender='${SYSTEMD}',interface='${MANAGER}',member='UnitRemoved',path='${MANAGER_PATH}'`,
  `type='signal',sender='${SYSTEMD}',interface='${MANAGER}',member='Reloading',path='${MANAGER_PATH}'`,
  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
];

/** A row of `ListUnitsByNames`. */
export interface UnitRow {
  readonly name: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

type Signal = AbortSignal | undefined;

/** The calls of systemd's D-Bus interface that fleet makes, over one connection. Throw BusError and the errors of the connection. */
export class SystemdCalls {
  readonly #connection: BusConnection;

  constructor(connection: BusConnection) {
    this.#connection = connection;
  }

  /** Makes systemd send its signals to us, and sees that it is there. */
  async subscribe(signal: Signal): Promise<void> {
    const options = { signal, timeoutMs: CALL_TIMEOUT_MS };
    await Promise.all(MATCH_RULES.map((rule) => this.#connection.addMatch(rule, options)));
    await this.#manager('Subscribe', '', [], signal);
  }

  async linkUnitFiles(paths: readonly string[]): Promise<void> {
    await this.#manager('LinkUnitFiles', 'asbb', [paths, true, true], undefined);
  }

  /** Links files that lie elsewhere, too. Whether any says how to enable it. */
  async enableUnitFiles(paths: readonly string[]): Promise<boolean> {
    const [carriesInstallInfo] = await this.#manager('EnableUnitFiles', 'asbb', [paths, true, true], undefined);
    return carriesInstallInfo === true;
  }

  async disableUnitFiles(names: readonly string[]): Promise<void> {
    await this.#manager('DisableUnitFiles', 'asb', [names, true], undefined);
  }

  async resetFailed(name: string, signal: Signal): Promise<void> {
    await this.#manager('ResetFailedUnit', 's', [name], signal);
  }

  /** The object path of the job. */
  async startUnit(name: string, signal: Signal): Promise<string> {
    return String((await this.#manager('StartUnit', 'ss', [name, 'replace'], signal))[0]);
  }

  async stopUnit(name: string, signal: Signal): Promise<string> {
    return String((await this.#manager('StopUnit', 'ss', [name, 'replace'], signal))[0]);
  }

  async reload(signal: Signal): Promise<void> {
    await this.#manager('Reload', '', [], signal, RELOAD_TIMEOUT_MS);
  }

  async listUnitsByNames(names: readonly string[], signal: Signal): Promise<readonly UnitRow[]> {
    return toRows(await this.#manager('ListUnitsByNames', 'as', [names], signal));
  }

  /** The units systemd has in memory. */
  async listUnits(signal: Signal): Promise<readonly UnitRow[]> {
    return toRows(await this.#manager('ListUnits', '', [], signal));
  }

  /** Whether systemd has the unit in memory; does not make it load the unit. */
  async isInMemory(name: string, signal: Signal): Promise<boolean> {
    try {
      await this.#manager('GetUnit', 's', [name], signal);
      return true;
    } catch (error) {
      if (error instanceof BusError && error.busName === NO_SUCH_UNIT) return false;
      throw error;
    }
  }

  /** Makes systemd load the unit if it has not. */
  async needsReload(name: string, signal: Signal): Promise<boolean> {
    return (await this.#property(name, `${SYSTEMD}.Unit`, 'NeedDaemonReload', signal)) === true;
  }

  /** `Result` of the unit's own type; `typeName` is the interface's, such as `Service`. */
  async resultOf(name: string, typeName: string, signal: Signal): Promise<string> {
    return String(await this.#property(name, `${SYSTEMD}.${typeName}`, 'Result', signal));
  }

  /** How the main process of a service ended, in words; undefined if it has not run. */
  async exitOf(name: string, signal: Signal): Promise<string | undefined> {
    const read = async (property: string): Promise<number> => Number(await this.#property(name, `${SYSTEMD}.Service`, property, signal));
    const [code, status] = await Promise.all([read('ExecMainCode'), read('ExecMainStatus')]);
    if (code === CLD_EXITED) return `exited with status ${status}`;
    if (code !== CLD_KILLED && code !== CLD_DUMPED) return undefined;
    const [signalName = `signal ${status}`] = Object.entries(constants.signals).find(([, number]) => number === status) ?? [];
    return `was killed by ${signalName}`;
  }

  async #property(name: string, ofInterface: string, property: string, signal: Signal): Promise<unknown> {
    const call = { destination: SYSTEMD, path: objectPathOf(name), interface: PROPERTIES, member: 'Get', signature: 'ss', body: [ofInterface, property] };
    const [variant] = await this.#connection.call(call, { signal, timeoutMs: CALL_TIMEOUT_MS });
    return (variant as { readonly value: unknown }).value;
  }

  #manager(member: string, signature: string, body: readonly unknown[], signal: Signal, timeoutMs = CALL_TIMEOUT_MS): Promise<readonly unknown[]> {
    return this.#connection.call({ destination: SYSTEMD, path: MANAGER_PATH, interface: MANAGER, member, signature, body }, { signal, timeoutMs });
  }
}

function toRows(body: readonly unknown[]): readonly UnitRow[] {
  const rows = body[0] as readonly (readonly string[])[];
  return rows.map(([name = '', , load = '', active = '', sub = '']) => ({ name, load, active, sub }));
}
