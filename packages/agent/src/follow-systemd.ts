import { describeError, retryWithBackoff, type Clock, type Logger } from '@fleet/runtime';
import type { UnitManager } from '@fleet/systemd';
import type { UnitWorkers } from './workers.ts';

export interface FollowSystemdOptions {
  readonly manager: UnitManager;
  readonly workers: UnitWorkers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly slowCheckMs: number;
  readonly onReachable: (reachable: boolean) => void;
  readonly signal: AbortSignal;
}

export interface FollowingSystemd {
  /** Resolves when files and states have been read for the first time. */
  readonly ready: Promise<void>;
  /** Ends with the signal. */
  readonly running: Promise<void>;
}

/** A loss shorter than this, as when systemd re-executes itself, is nobody's business. */
const AWAY_AFTER_MS = 5000;
/** Most names in one question for states, so that a slow check of many units holds up nothing else. */
const SLICE = 100;

/**
 * Tells the workers what is on the disk and what systemd says: by events, by reading everything at the start and after
 * a loss of the connection, and by a slow check in small slices that finds what no event told.
 */
export function followSystemd(options: FollowSystemdOptions): FollowingSystemd {
  const { manager, workers, clock, logger, signal } = options;
  let first = true;

  const resync = async (): Promise<void> => {
    await workers.readFiles(!first, signal);
    const names = workers.names();
    for (let start = 0; start < names.length; start += SLICE) {
      if (start > 0) await clock.sleep(20, { signal });
      await workers.readStates(names.slice(start, start + SLICE), signal);
    }
  };
  const resyncUntilDone = (): Promise<void> =>
    retryWithBackoff(resync, {
      initialMs: 200,
      maxMs: 5000,
      clock,
      signal,
      onFailure: (error) => {
        logger.warn('units of this machine could not be read, will try again', { error: describeError(error) });
      },
    });

  const events = manager.events({ signal });
  const ready = resyncUntilDone().then(() => {
    first = false;
  });

  let cancelAway = (): void => undefined;
  const follow = async (): Promise<void> => {
    for await (const event of events) {
      switch (event.kind) {
        case 'state':
          workers.setState(event.name, event.state);
          break;
        case 'lost':
          logger.error('connection to systemd is lost, states are as last known');
          options.onReachable(false);
          cancelAway();
          cancelAway = clock.schedule(AWAY_AFTER_MS, () => {
            workers.setSystemdAway(true);
          });
          break;
        case 'restored':
          logger.info('connection to systemd is back, reading everything again');
          options.onReachable(true);
          cancelAway();
          await resyncUntilDone();
          workers.setSystemdAway(false);
          workers.kickAll();
          break;
        default:
          event satisfies never;
      }
    }
    signal.throwIfAborted();
  };
  const check = async (): Promise<void> => {
    await ready;
    for (;;) {
      await clock.sleep(options.slowCheckMs, { signal });
      try {
        await resync();
      } catch (error) {
        signal.throwIfAborted();
        logger.debug('slow check of this machine failed', { error: describeError(error) });
      }
    }
  };
  const running = Promise.all([follow(), check()]).then(
    () => undefined,
    (error: unknown) => {
      cancelAway();
      throw error;
    },
  );
  return { ready, running };
}
