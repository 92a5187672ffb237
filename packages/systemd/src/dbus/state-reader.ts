import type { LocalUnitState } from '../unit-manager.ts';
import { isManagedUnitName, unitTypeOf } from '../unit-types.ts';
import type { SystemdCalls, UnitRow } from './systemd-calls.ts';

const NOT_FOUND: LocalUnitState = { load: 'not-found', active: 'inactive', sub: 'dead' };

/** Types whose D-Bus interface has a `Result`, by its name. */
const RESULT_INTERFACES: Readonly<Record<string, string>> = {
  service: 'Service',
  socket: 'Socket',
  timer: 'Timer',
  path: 'Path',
  mount: 'Mount',
  automount: 'Automount',
  swap: 'Swap',
};

/** Reads states of units: one call for all, and a few more for each that is not well, for its result and exit. */
export class StateReader {
  readonly #calls: () => SystemdCalls;

  constructor(calls: () => SystemdCalls) {
    this.#calls = calls;
  }

  async read(names: readonly string[], signal: AbortSignal | undefined): Promise<ReadonlyMap<string, LocalUnitState>> {
    // systemd fails the whole call for one name that is none, or a template's.
    const known = names.filter((name) => isManagedUnitName(name) && !name.includes('@.'));
    const calls = this.#calls();
    const rows = known.length === 0 ? [] : await calls.listUnitsByNames(known, signal);
    const states = new Map<string, LocalUnitState>(names.map((name) => [name, NOT_FOUND]));
    await Promise.all(
      rows.map(async (row) => {
        if (states.has(row.name)) states.set(row.name, await this.#toState(calls, row, signal));
      }),
    );
    return states;
  }

  async #toState(calls: SystemdCalls, { name, load, active, sub }: UnitRow, signal: AbortSignal | undefined): Promise<LocalUnitState> {
    const typeName = RESULT_INTERFACES[unitTypeOf(name) ?? ''];
    if (load === 'not-found' && active === 'inactive') return { load, active, sub };
    if (typeName === undefined) return { load, active, sub };
    // Elsewhere it is `success`: systemd clears it with every start and every reset of a failure.
    if (active !== 'failed' && sub !== 'auto-restart') return { load, active, sub, result: 'success' };
    const [result, exit] = await Promise.all([calls.resultOf(name, typeName, signal), typeName === 'Service' ? calls.exitOf(name, signal) : undefined]);
    return { load, active, sub, result, ...(exit === undefined ? {} : { exit }) };
  }
}
