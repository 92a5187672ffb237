import type { FleetApi, MachineInfo } from '@fleet/api/wire';
import { systemClock, type Clock } from '@fleet/runtime';
import { coveringPattern } from '../names-filter.ts';
import { assessUnit, type Assessment, type Goal } from './assess-unit.ts';
import { FollowedCluster } from './cluster-view.ts';

export interface WaitOptions {
  readonly goals: ReadonlyMap<string, Goal>;
  /** Give up after this long; not at all unless told. */
  readonly limitMs?: number | undefined;
  /** Also wait for units that no machine can take now: until the limit, or for ever. */
  readonly patient?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** A unit has reached its goal; called once per unit, in order of success. */
  readonly onReached?: (reached: UnitReached) => void;
  /** A unit stands differently than before; for showing progress. */
  readonly onProgress?: (name: string, assessment: Assessment) => void;
}

export interface UnitReached {
  readonly name: string;
  /** The state in the words of the API, or `destroyed`. */
  readonly state: string;
  readonly machine: { readonly id: string; readonly info: MachineInfo | undefined } | undefined;
}

export interface WaitFailure {
  readonly name: string;
  readonly goal: Goal;
  /** `unplaceable`: no machine can take it; `failed`: a machine tried; `no-answer`: nothing happened for a minute; `timeout`: the limit passed. */
  readonly kind: 'unplaceable' | 'failed' | 'no-answer' | 'timeout';
  readonly reason: string;
  readonly machine: { readonly id: string; readonly info: MachineInfo | undefined } | undefined;
}

export interface WaitResult {
  readonly reached: readonly UnitReached[];
  readonly failures: readonly WaitFailure[];
}

interface Pending {
  readonly goal: Goal;
  assessment: Assessment | undefined;
  /** Same as long as the verdict is the same in all that matters. */
  key: string;
  cancel: () => void;
}

/**
 * Waits on the change stream until every unit has reached its goal or has failed for good. Does not poll (a client of version 1 does) and returns
 * the moment the last verdict stands.
 *
 * @throws the failure of the change stream, also when it broke and stayed away for half a minute (unless patient); the signal's reason when aborted.
 */
export async function waitForUnits(api: FleetApi, options: WaitOptions): Promise<WaitResult> {
  const clock = options.clock ?? systemClock;
  const reached: UnitReached[] = [];
  const failures: WaitFailure[] = [];
  const view = new FollowedCluster();
  const pending = new Map<string, Pending>();
  for (const [name, goal] of options.goals) pending.set(name, { goal, assessment: undefined, key: '', cancel: () => undefined });
  if (pending.size === 0) return { reached, failures };

  const done = new AbortController();
  const signal = options.signal === undefined ? done.signal : AbortSignal.any([options.signal, done.signal]);
  const machineOf = (id: string | undefined): UnitReached['machine'] => (id === undefined || id === '' ? undefined : { id, info: view.machines.get(id) });

  const settle = (name: string, entry: Pending, how: { readonly timeout?: boolean } = {}): void => {
    const verdict = entry.assessment;
    entry.cancel();
    pending.delete(name);
    const fail = (kind: WaitFailure['kind'], reason: string, machine: string | undefined): void => {
      failures.push({ name, goal: entry.goal, kind, reason, machine: machineOf(machine) });
    };
    if (verdict === undefined) fail('timeout', 'nothing is known of it yet', undefined);
    else if (verdict.kind === 'reached' && how.timeout !== true) {
      const unit = { name, state: verdict.state, machine: machineOf(verdict.machine) };
      reached.push(unit);
      options.onReached?.(unit);
    } else if (verdict.kind === 'unplaceable') fail('unplaceable', verdict.reason, undefined);
    else if (verdict.kind === 'failed') fail('failed', verdict.reason, verdict.machine);
    else if (verdict.kind === 'waiting') fail(how.timeout === true ? 'timeout' : 'no-answer', verdict.doing, verdict.machine);
    else fail('timeout', `${verdict.state}, but not for long enough to be sure`, verdict.machine);
    if (pending.size === 0) done.abort(FINISHED);
  };

  const look = (name: string): void => {
    const entry = pending.get(name);
    if (entry === undefined) return;
    const verdict = assessUnit(name, entry.goal, view);
    const key = JSON.stringify(verdict);
    if (key === entry.key) return;
    entry.key = key;
    entry.assessment = verdict;
    entry.cancel();
    entry.cancel = () => undefined;
    options.onProgress?.(name, verdict);
    const endless = verdict.kind === 'unplaceable' && options.patient === true;
    if (endless || verdict.holdsMs === Number.POSITIVE_INFINITY) return;
    if (verdict.holdsMs === 0) settle(name, entry);
    else entry.cancel = clock.schedule(verdict.holdsMs, () => settle(name, entry));
  };

  const cancelLimit =
    options.limitMs === undefined
      ? () => undefined
      : clock.schedule(options.limitMs, () => {
          for (const [name, entry] of [...pending]) settle(name, entry, { timeout: true });
        });
  try {
    const query = coveringPattern([...pending.keys()]);
    for await (const change of api.changes(query === undefined ? {} : { name: query }, { signal, giveUpAfterMs: options.patient === true ? undefined : STREAM_AWAY_MS })) {
      const name = view.apply(change);
      if (change.kind === 'progress') continue;
      if (name !== null) look(name);
      else for (const each of [...pending.keys()]) look(each);
      // The last verdict aborts the stream; what is still buffered does not matter.
      if (done.signal.aborted) break;
    }
  } catch (error) {
    if (!done.signal.aborted) throw error;
  } finally {
    cancelLimit();
    for (const entry of pending.values()) entry.cancel();
  }
  options.signal?.throwIfAborted();
  return { reached, failures };
}

/** A fleetd that is restarted is back well before this; one that is not back by then ends the wait of who was not told to wait. */
const STREAM_AWAY_MS = 30_000;
const FINISHED: Error = Object.assign(new Error('every unit has a verdict'), { name: 'AbortError' });
