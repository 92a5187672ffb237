import { describeError, isFleetError, type Clock, type Logger } from '@fleet/runtime';

import type { LocalUnitState } from '../unit-manager.ts';

export interface StateWatchOptions {
  readonly read: (names: readonly string[]) => Promise<ReadonlyMap<string, LocalUnitState>>;
  readonly publish: (name: string, state: LocalUnitState) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A unit that was just loaded is mostly started next; what systemd says of that is worth more than what it says before. */
const SOON_MS = 50;

/**
 * Follows the states of units. A signal only says "look at this unit": what waits is read in one call at a time, so a
 * burst of signals costs few calls and a missing one at the end of a unit's life does no harm. Only changes are told.
 */
export class StateWatch {
  readonly #options: StateWatchOptions;
  /** Last told states of the units that are followed. */
  readonly #told = new Map<string, LocalUnitState | undefined>();
  readonly #dirty = new Set<string>();
  readonly #soon = new Set<string>();
  #cancelSoon = (): void => undefined;
  #reading = false;
  #closed = false;

  constructor(options: StateWatchOptions) {
    this.#options = options;
  }

  follow(name: string): void {
    if (!this.#told.has(name)) this.#told.set(name, undefined);
  }

  /** Looks at a unit, if it is followed. */
  check(name: string): void {
    if (!this.#told.has(name)) return;
    this.#soon.delete(name);
    this.#dirty.add(name);
    if (!this.#reading && !this.#closed) void this.#readDirty();
  }

  /** Looks at a unit in a moment, unless something makes it look before: systemd is not to be kept busy in between. */
  checkSoon(name: string): void {
    if (this.#closed) return;
    if (this.#soon.size === 0) {
      this.#cancelSoon();
      this.#cancelSoon = this.#options.clock.schedule(SOON_MS, () => {
        for (const waiting of [...this.#soon]) this.check(waiting);
      });
    }
    this.#soon.add(name);
  }

  checkAll(): void {
    for (const name of this.#told.keys()) this.check(name);
  }

  /** What was told may no longer be so: everything is told again at the next look. */
  forgetStates(): void {
    this.#dirty.clear();
    this.#soon.clear();
    for (const name of this.#told.keys()) this.#told.set(name, undefined);
  }

  close(): void {
    this.#closed = true;
    this.#cancelSoon();
    this.#soon.clear();
    this.#dirty.clear();
  }

  async #readDirty(): Promise<void> {
    this.#reading = true;
    try {
      // Signals of one start come in one go: let them gather for a turn of the event loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (this.#dirty.size > 0) {
        const names = [...this.#dirty];
        this.#dirty.clear();
        this.#tell(await this.#readAll(names));
      }
    } catch (error) {
      // Lost meanwhile: everything is looked at again when the connection is back.
      if (!this.#closed && !isFleetError(error, 'SYSTEMD_UNAVAILABLE')) this.#options.logger.warn('unit states not read', { error: describeError(error) });
    } finally {
      this.#reading = false;
    }
  }

  /** One unit that cannot be read must not hide what became of the others. */
  async #readAll(names: readonly string[]): Promise<ReadonlyMap<string, LocalUnitState>> {
    const { read, logger } = this.#options;
    try {
      return await read(names);
    } catch (error) {
      // A systemd that is away or does not answer will not do so for each of them either.
      if (names.length === 1 || (isFleetError(error) && error.kind === 'unavailable')) throw error;
      const states = new Map<string, LocalUnitState>();
      for (const name of names) {
        try {
          for (const [found, state] of await read([name])) states.set(found, state);
        } catch (failure) {
          logger.warn('unit state not read', { unit: name, error: describeError(failure) });
        }
      }
      return states;
    }
  }

  #tell(states: ReadonlyMap<string, LocalUnitState>): void {
    for (const [name, state] of states) {
      const before = this.#told.get(name);
      const same = before?.load === state.load && before.active === state.active && before.sub === state.sub && before.result === state.result && before.exit === state.exit;
      if (!same && !this.#closed) {
        this.#told.set(name, state);
        this.#options.publish(name, state);
      }
      // A unit that is gone is followed no longer once that has been told.
      if (state.load === 'not-found' && state.active === 'inactive') this.#told.delete(name);
    }
  }
}
