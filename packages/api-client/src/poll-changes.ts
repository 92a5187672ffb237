import type { ChangeEvent, EntityChange, MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api/wire';
import { isAbort, type Clock } from '@fleet/runtime';

export interface Listing {
  readonly units: readonly UnitSummary[];
  readonly states: readonly UnitStateInfo[];
  readonly machines: readonly MachineInfo[];
}

export interface PollOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly list: (signal: AbortSignal) => Promise<Listing>;
  /** How long listings may fail one after the other; for ever unless told. */
  readonly giveUpAfterMs?: number | undefined;
}

/** As the original client's rhythm. */
const POLL_MS = 250;

/**
 * Makes a change stream of listings taken every 250 ms: a `reset` first, then what differs, then a `progress` per round. Revisions count the
 * rounds. A failing listing ends it only if it is the first; later ones count as "nothing new yet",
 * until they have failed for `giveUpAfterMs`.
 */
export async function* pollChanges({ clock, signal, list, giveUpAfterMs }: PollOptions): AsyncGenerator<ChangeEvent> {
  let known = await list(signal);
  let revision = 1;
  let awaySince: number | undefined;
  yield { kind: 'reset', revision, units: known.units, states: known.states, machines: known.machines };
  for (;;) {
    await clock.sleep(POLL_MS, { signal });
    let next: Listing;
    try {
      next = await list(signal);
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      awaySince ??= clock.monotonic();
      if (giveUpAfterMs !== undefined && clock.monotonic() - awaySince >= giveUpAfterMs) throw error;
      continue;
    }
    awaySince = undefined;
    revision += 1;
    yield* difference(known.units, next.units, (unit) => unit.name, (id, value): EntityChange => ({ kind: 'unit', id, revision, value }));
    yield* difference(known.states, next.states, (state) => `${state.machineID}/${state.name}`, (id, value): EntityChange => ({ kind: 'state', id, revision, value }));
    yield* difference(known.machines, next.machines, (machine) => machine.id, (id, value): EntityChange => ({ kind: 'machine', id, revision, value }));
    yield { kind: 'progress', revision };
    known = next;
  }
}

function* difference<T>(before: readonly T[], after: readonly T[], idOf: (value: T) => string, change: (id: string, value: T | null) => EntityChange): Generator<EntityChange> {
  const old = new Map(before.map((value) => [idOf(value), JSON.stringify(value)]));
  for (const value of after) {
    const id = idOf(value);
    if (old.get(id) !== JSON.stringify(value)) yield change(id, value);
    old.delete(id);
  }
  for (const id of old.keys()) yield change(id, null);
}
