import type { MachineId } from '@fleet/model';
import type { Mirror, Registry } from '@fleet/registry';
import { describeError, isFleetError, keepLease, Wakeup, type Clock, type Logger } from '@fleet/runtime';

export type LeadershipRegistry = Pick<Registry, 'openMirror' | 'grantLease' | 'keepAlive' | 'revokeLease' | 'campaign' | 'resign' | 'readEngineVersion'>;

export interface LeadershipOptions {
  readonly registry: LeadershipRegistry;
  readonly machine: MachineId;
  /** Changes with every process, so that two daemons with one machine id cannot both believe to lead. */
  readonly sessionId: string;
  /** Whether a session was that of an earlier process of this machine, which is known to be dead. */
  readonly isEarlier?: ((sessionId: string) => boolean) | undefined;
  readonly ttlMs: number;
  /** Engine version of this program: it leads only while none that is higher has been seen. */
  readonly version: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Longest random wait before a campaign, so that not all engines try at once. */
  readonly jitterMs?: number;
  readonly random?: () => number;
  /** How often a leader looks whether a higher version has appeared, and a gated engine whether it is gone. */
  readonly versionCheckMs?: number;
  /** Told of each change of who leads; null while nobody does. */
  readonly onLeader?: (machine: MachineId | null) => void;
}

export interface Term {
  readonly fence: number;
  /** Aborts when leadership is lost, or may be: no write may be sent after that. */
  readonly signal: AbortSignal;
}

/** Reason of a term's end through no fault: lost to time, to the store or to another. */
class TermOver extends Error {
  override readonly name = 'AbortError';
}

const RESIGN_DEADLINE_MS = 2000;

/**
 * Campaigns for leadership, runs `lead` for each term won, and campaigns again afterwards; ends only by the signal, and
 * then resigns. Waits for the deletion of the leader's key rather than asking again and again.
 */
export async function runLeadership(options: LeadershipOptions, lead: (term: Term) => Promise<void>, signal: AbortSignal): Promise<void> {
  const { registry, clock, logger } = options;
  const random = options.random ?? Math.random;
  const mirror = await registry.openMirror({ kind: 'leader' }, { signal });
  const changed = new Wakeup();
  const tell = (): void => {
    options.onLeader?.(mirror.records('leader').get('leader')?.machine ?? null);
    changed.wake();
  };
  const unsubscribe = mirror.subscribe(tell);
  const unsubscribeLiveness = mirror.onLiveness(() => changed.wake());
  tell();
  try {
    await endEarlierTerm(options, mirror, signal);
    for (let failures = 0; ; ) {
      await waitForVacancy(options, mirror, changed, signal);
      await clock.sleep(random() * (options.jitterMs ?? 200), { signal });
      if (mirror.records('leader').has('leader')) continue;
      try {
        if (!(await mayLead(options, signal))) continue;
        await campaignOnce(options, mirror, lead, signal);
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn('campaign for leadership failed', { error: describeError(error) });
        await clock.sleep(Math.min(5000, 250 * 2 ** failures), { signal });
        failures = Math.min(failures + 1, 10);
      }
    }
  } finally {
    unsubscribe();
    unsubscribeLiveness();
  }
}

/**
 * A daemon that was killed and started again does not wait for its own old lease to end. Should the earlier process live
 * all the same, the fence refuses its writes.
 */
async function endEarlierTerm({ registry, machine, isEarlier, logger }: LeadershipOptions, mirror: Mirror, signal: AbortSignal): Promise<void> {
  const leader = mirror.records('leader').get('leader');
  if (leader === undefined || leader.machine === null || leader.machine !== machine || isEarlier?.(leader.sessionId) !== true) return;
  try {
    await registry.resign(leader.fence, { signal });
    logger.info('term of an earlier process of this machine ended', { fence: leader.fence });
  } catch (error) {
    signal.throwIfAborted();
    // Its lease ends by itself then.
    logger.debug('term of an earlier process was not ended', { error: describeError(error) });
  }
}

async function waitForVacancy({ logger }: LeadershipOptions, mirror: Mirror, changed: Wakeup, signal: AbortSignal): Promise<void> {
  for (let toldOf = 0; ; ) {
    const leader = mirror.records('leader').get('leader');
    if (leader === undefined && mirror.live) return;
    if (leader?.machine === null && leader.revision !== toldOf) {
      toldOf = leader.revision;
      logger.warn('leader record cannot be read, waiting until it is written again or gone', { error: leader.problem, revision: leader.revision, remedy: 'if no fleetd leads (fleet_engine_leader_start_time is 0 everywhere) and the key does not end with its lease, delete it in etcd' });
    }
    await changed.wait(signal);
  }
}

/** Whether no higher engine version has been seen; waits before it says no, so that callers may ask again at once. */
async function mayLead(options: LeadershipOptions, signal: AbortSignal): Promise<boolean> {
  const seen = await options.registry.readEngineVersion({ signal });
  if (seen <= options.version) return true;
  options.logger.warn('engine version of the cluster is higher than ours, not leading', { cluster: seen, ours: options.version });
  await options.clock.sleep(options.versionCheckMs ?? 30_000, { signal });
  return false;
}

async function campaignOnce(options: LeadershipOptions, mirror: Mirror, lead: (term: Term) => Promise<void>, signal: AbortSignal): Promise<void> {
  const { registry, clock, logger, machine, sessionId } = options;
  const grantedAt = clock.monotonic();
  const lease = await registry.grantLease(options.ttlMs, { signal });
  let fence: number | null = null;
  try {
    fence = (await registry.campaign(machine, sessionId, lease.id, { signal }))?.fence ?? null;
    if (fence === null) {
      // Another was quicker; the mirror hears of it in a moment.
      await clock.sleep(Math.min(1000, options.ttlMs / 10), { signal });
      return;
    }
    logger.info('engine became leader', { fence });
    await holdTerm(options, mirror, { fence, lease: lease.id, ttlMs: lease.ttlMs, grantedAt }, lead, signal);
  } finally {
    await giveBack(options, lease.id, fence);
  }
}

async function holdTerm(
  options: LeadershipOptions,
  mirror: Mirror,
  held: { readonly fence: number; readonly lease: string; readonly ttlMs: number; readonly grantedAt: number },
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { registry, clock, logger } = options;
  const term = new AbortController();
  const both = AbortSignal.any([signal, term.signal]);
  const end = (reason: string): void => {
    if (both.aborted) return;
    logger.warn('engine is no longer leader', { fence: held.fence, reason });
    term.abort(new TermOver(reason));
  };

  let cancelDeadline = (): void => undefined;
  const keeping = keepLease({
    keepAlive: ({ signal: callSignal }) => registry.keepAlive(held.lease, { signal: callSignal }),
    ttlMs: held.ttlMs,
    extendedAt: held.grantedAt,
    clock,
    signal: both,
    onExtended: (endsAtMs) => {
      cancelDeadline();
      cancelDeadline = clock.schedule(endsAtMs - clock.monotonic(), () => {
        end('the lease could not be extended in time');
      });
    },
    onFailure: (error) => {
      logger.debug('leader lease was not extended', { error: describeError(error) });
    },
  }).then(
    () => {
      end('the lease has ended');
    },
    () => undefined,
  );
  const unsubscribe = mirror.subscribe((batch) => {
    for (const change of batch.changes) {
      if (change.kind !== 'leader') continue;
      // Our own key may show up only now; any other state of the key with a later revision means that we lost it.
      if (batch.revision >= held.fence && change.after?.fence !== held.fence) end('another took the leader key or it was deleted');
    }
  });
  const gate = watchVersion(options, both, end);
  try {
    await lead({ fence: held.fence, signal: both });
  } catch (error) {
    signal.throwIfAborted();
    if (isFleetError(error, 'LEADERSHIP_LOST')) end('a write was refused');
    else if (isFleetError(error, 'REVISION_NOT_REACHED')) end('the store has gone back to an older state');
    else if (!both.aborted) throw error;
  } finally {
    unsubscribe();
    term.abort(new TermOver('the term has ended'));
    cancelDeadline();
    await Promise.all([keeping, gate]);
  }
}

/** A leader that meets a higher engine version resigns. */
async function watchVersion(options: LeadershipOptions, signal: AbortSignal, end: (reason: string) => void): Promise<void> {
  for (;;) {
    try {
      await options.clock.sleep(options.versionCheckMs ?? 30_000, { signal });
      if ((await options.registry.readEngineVersion({ signal })) > options.version) {
        end('the engine version of the cluster is higher than ours');
        return;
      }
    } catch {
      if (signal.aborted) return;
      // The store is away: the lease decides, and the next round asks again.
    }
  }
}

async function giveBack(options: LeadershipOptions, lease: string, fence: number | null): Promise<void> {
  const signal = AbortSignal.timeout(RESIGN_DEADLINE_MS);
  try {
    if (fence !== null) await options.registry.resign(fence, { signal });
    await options.registry.revokeLease(lease, { signal });
  } catch (error) {
    // The lease ends by itself then.
    options.logger.debug('leadership was not given back', { error: describeError(error) });
  }
}
