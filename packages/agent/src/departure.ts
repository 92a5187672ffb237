import type { MachineId } from '@fleet/model';
import { describeError, type Clock, type Logger } from '@fleet/runtime';
import { leaseOf, type Presence } from './presence.ts';
import type { RuntimeMemory } from './runtime-memory.ts';
import type { StatePublisher } from './state-publisher.ts';
import type { UnitWorkers } from './workers.ts';

export interface Departure {
  readonly machine: MachineId;
  readonly memory: Pick<RuntimeMemory, 'asked'>;
  readonly presence: Pick<Presence, 'status' | 'leave'>;
  readonly publisher: Pick<StatePublisher, 'flush'>;
  readonly workers: UnitWorkers;
  readonly shutdown: () => 'purge' | 'keep';
  readonly drainDeadlineMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LEAVE_DEADLINE_MS = 5000;

/**
 * What TERM means for the units: with `purge` they are stopped and put away, with `keep` nothing is touched. Gives whether the
 * machine then leaves the cluster. `ready` is whether the units that are here are known; `onBegin` is called before any is touched.
 */
export async function putUnitsAway(departure: Departure, { ready, onBegin }: { readonly ready: boolean; readonly onBegin: () => void }): Promise<boolean> {
  const { machine, memory, presence, workers, shutdown, drainDeadlineMs, clock, logger } = departure;
  if (shutdown() === 'keep') {
    logger.info('agent ends, units and lease stay', { machine });
    return false;
  }
  const status = presence.status();
  if (status.kind === 'duplicate') return false;
  if (!ready && leaseOf(status) === null) {
    // Without having been in the cluster there is no telling what is wanted here. What an earlier fleetd left running
    // must not be started elsewhere at once, so nobody is told either.
    if (memory.asked.size > 0) logger.warn('agent ends before it has joined, units of an earlier fleetd run on', { machine, units: memory.asked.size });
    return memory.asked.size === 0;
  }
  const deadline = new AbortController();
  const cancel = clock.schedule(drainDeadlineMs, () => {
    deadline.abort(new Error(`units were not put away within ${drainDeadlineMs} ms`));
  });
  onBegin();
  try {
    // An earlier fleetd may have left units that this one has not seen yet.
    if (!ready) await workers.readFiles(true, deadline.signal);
    logger.info('putting all units away', { machine, units: workers.size });
    await workers.drain(deadline.signal);
  } catch (error) {
    logger.error('not all units were put away', { units: workers.names(), error: describeError(error) });
  }
  cancel();
  return true;
}

/** Withdraws the machine's states and its key. Call when presence is no longer at work: it would come back with a new lease. Never rejects. */
export async function leaveCluster({ machine, presence, publisher, logger }: Departure): Promise<void> {
  try {
    const signal = AbortSignal.timeout(LEAVE_DEADLINE_MS);
    await publisher.flush({ signal });
    await presence.leave({ signal });
    logger.info('left the cluster', { machine });
  } catch (error) {
    logger.warn('the registry was not told of leaving, it finds out when the lease ends', { machine, error: describeError(error) });
  }
}
