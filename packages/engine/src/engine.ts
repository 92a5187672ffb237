import type { MachineId } from '@fleet/model';
import { shutdownReason, type Clock, type Component, type Logger } from '@fleet/runtime';
import type { EngineObserver } from './engine-observer.ts';
import { LeaderTerm, type LeaderRegistry } from './leader-term.ts';
import { runLeadership, type LeadershipRegistry } from './leadership.ts';
import type { EvacuationPause } from './machine-judge.ts';

/** Raised when stored data changes in a way that older engines would misread. */
export const ENGINE_VERSION = 1;

export type EngineRegistry = LeaderRegistry & LeadershipRegistry;

export interface EngineOptions {
  readonly registry: EngineRegistry;
  readonly machine: MachineId;
  /** Unique to this process. */
  readonly sessionId: string;
  /** Whether a session was that of an earlier process of this machine, which is dead: its term is ended at once. None unless told. */
  readonly isEarlierSession?: (sessionId: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Life of a machine's lease. A new leader waits this long before it declares a machine dead. */
  readonly agentTtlMs: number;
  /** Life of the leader's lease; 10 s unless told. */
  readonly leaderTtlMs?: number;
  /** This engine's version; {@link ENGINE_VERSION} unless told. */
  readonly version?: number;
  /** Evacuation pauses when more than this share of the machines vanished at once; 1/3 unless told, 1 for never. */
  readonly evacuationPauseShare?: number;
  /** … and at least this many; 3 unless told. */
  readonly evacuationPauseMinimum?: number;
  readonly observer?: EngineObserver;
  /** For the delay before a campaign, 0 to 1; `Math.random` unless told. */
  readonly random?: () => number;
  /** How often it looks whether a higher engine version has appeared or gone; 30 s unless told. */
  readonly versionCheckMs?: number;
  /** How long a unit taken from a machine that has not reported it yet is kept back from other machines; 1 s unless told. */
  readonly settleMs?: number;
  /** How often texts, histories and metadata that nobody needs any more are collected; 5 min unless told. */
  readonly upkeepMs?: number;
}

export interface EngineStatus {
  /** Whether this engine leads. */
  readonly leading: boolean;
  /** The machine whose engine leads, as far as is known. */
  readonly leader: MachineId | null;
  /** Create revision of the leader key while this engine leads; every write of its term carries it. */
  readonly fence: number | null;
  /** Null while nothing is held, and always while this engine does not lead. */
  readonly evacuationPause: EvacuationPause | null;
}

export interface Engine extends Component {
  readonly name: 'engine';
  status(): EngineStatus;
  /** An operator says that the machines whose evacuation is paused are dead; false when this engine holds none. */
  confirmEvacuation(): boolean;
}

/**
 * Assigns units to machines while it leads, and campaigns for leadership while it does not.
 *
 * @example
 * const engine = createEngine({ registry, machine, sessionId, clock: systemClock, logger, agentTtlMs: 30_000 });
 * await engine.run(signal);
 */
export function createEngine(options: EngineOptions): Engine {
  const { clock, logger, observer = {} } = options;
  const version = options.version ?? ENGINE_VERSION;
  let term: LeaderTerm | null = null;
  let fence: number | null = null;
  let leader: MachineId | null = null;

  return {
    name: 'engine',
    status: () => ({ leading: term !== null, leader, fence, evacuationPause: term?.pause ?? null }),
    confirmEvacuation: () => term?.confirmEvacuation() ?? false,
    run: (signal) =>
      runLeadership(
        {
          registry: options.registry,
          machine: options.machine,
          sessionId: options.sessionId,
          isEarlier: options.isEarlierSession,
          ttlMs: options.leaderTtlMs ?? 10_000,
          version,
          clock,
          logger,
          ...(options.random === undefined ? {} : { random: options.random }),
          ...(options.versionCheckMs === undefined ? {} : { versionCheckMs: options.versionCheckMs }),
          onLeader: (machine) => {
            if (machine === leader) return;
            leader = machine;
            observer.onLeader?.(machine);
          },
        },
        async ({ fence: wonFence, signal: termSignal }) => {
          // The mirror of this term must end with it, whatever way it ends.
          const work = new AbortController();
          term = new LeaderTerm({
            registry: options.registry,
            fence: wonFence,
            version,
            clock,
            logger,
            judge: {
              graceMs: options.agentTtlMs,
              windowMs: options.agentTtlMs,
              pauseShare: options.evacuationPauseShare ?? 1 / 3,
              pauseMinimum: options.evacuationPauseMinimum ?? 3,
            },
            settleMs: options.settleMs ?? 1000,
            upkeepMs: options.upkeepMs ?? 300_000,
            observer,
          });
          fence = wonFence;
          observer.onTerm?.(clock.now());
          try {
            await term.run(AbortSignal.any([termSignal, work.signal]));
          } finally {
            work.abort(shutdownReason);
            term = null;
            fence = null;
            observer.onTerm?.(null);
            observer.onEvacuation?.(null);
          }
        },
        signal,
      ),
  };
}
