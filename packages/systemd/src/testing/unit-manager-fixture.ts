import { waitUntil } from '@fleet/runtime/testing';

import type { LocalUnitState, UnitManager, UnitManagerEvent } from '../unit-manager.ts';
import type { ContractUnitType } from './contract-units.ts';

/** A unit manager with an empty units directory, and the hands a test needs beside it. Disposing it removes everything. */
export interface UnitManagerFixture extends AsyncDisposable {
  readonly manager: UnitManager;
  /** Puts a file into the units directory by hand, past the manager. */
  editFile(name: string, text: string): Promise<void>;
  /** What stands in the units directory: permissions and text by name; `undefined` where there is no directory. */
  readDirectory(): Promise<ReadonlyMap<string, { readonly mode: number; readonly text: string }> | undefined>;
  /** A directory in which units may make sockets. */
  readonly directory: string;
  /** Types of units beside services that this adapter runs; the others must be refused. */
  readonly types: readonly ContractUnitType[];
  /** Lets time pass where the clock is held. */
  pass?(ms: number): Promise<void>;
  /** Cuts and restores the connection to systemd, where there is one. */
  readonly connection?: { drop(): Promise<void>; restore(): Promise<void> };
  /** Opens another manager over the same units after the first was disposed, where units outlive it. */
  reopen?(): Promise<UnitManager>;
}

const EVERY_MS = 20;

/** Waits until the unit is in the given state; a part of the state will do. */
export async function waitForState(fixture: UnitManagerFixture, name: string, expected: Partial<LocalUnitState>, manager = fixture.manager): Promise<LocalUnitState> {
  let last: LocalUnitState | undefined;
  try {
    return await waitUntil(
      `${name} to be ${JSON.stringify(expected)}`,
      async () => {
        await fixture.pass?.(EVERY_MS);
        last = (await manager.readStates([name])).get(name);
        return last !== undefined && matches(last, expected) ? last : undefined;
      },
      { everyMs: EVERY_MS },
    );
  } catch (error) {
    throw new Error(`${name} is ${JSON.stringify(last)}, not ${JSON.stringify(expected)}`, { cause: error });
  }
}

/** Waits for a promise while letting held time pass. */
export async function settleWithin<T>(fixture: UnitManagerFixture, what: string, promise: Promise<T>): Promise<T> {
  let outcome: { readonly value: T } | undefined;
  let failure: { readonly error: unknown } | undefined;
  promise.then(
    (value) => (outcome = { value }),
    (error: unknown) => (failure = { error }),
  );
  await waitUntil(
    what,
    async () => {
      await fixture.pass?.(EVERY_MS * 5);
      return outcome !== undefined || failure !== undefined;
    },
    { everyMs: EVERY_MS, deadlineMs: 15_000 },
  );
  if (failure !== undefined) throw failure.error;
  return outcome!.value;
}

export function matches(state: LocalUnitState, expected: Partial<LocalUnitState>): boolean {
  return Object.entries(expected).every(([key, value]) => state[key as keyof LocalUnitState] === value);
}

/** Collects events in the background until the test ends. */
export interface EventCollector extends AsyncDisposable {
  readonly events: readonly UnitManagerEvent[];
  /** Waits for an event at or after `from`; the index behind it. */
  waitFor(what: string, matcher: (event: UnitManagerEvent) => boolean, from?: number): Promise<number>;
}

export function collectEvents(fixture: UnitManagerFixture, manager = fixture.manager): EventCollector {
  const events: UnitManagerEvent[] = [];
  const ending = new AbortController();
  const iteration = manager.events({ signal: ending.signal });
  const reading = (async () => {
    try {
      for await (const event of iteration) events.push(event);
    } catch (error) {
      if (!ending.signal.aborted) throw error;
    }
  })();
  return {
    events,
    waitFor: async (what, matcher, from = 0) => {
      const found = await waitUntil(
        `event ${what} among ${JSON.stringify(events.slice(from))}`,
        async () => {
          await fixture.pass?.(EVERY_MS);
          const at = events.findIndex((event, index) => index >= from && matcher(event));
          return at >= 0 ? at + 1 : undefined;
        },
        { everyMs: EVERY_MS },
      );
      return found;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort(new Error('test over'));
      await reading;
    },
  };
}
