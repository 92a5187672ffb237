import type { ChangeEvent } from '@fleet/api/wire';
import { backoffDelayMs, type Clock } from '@fleet/runtime';
import { isApiError } from './errors.ts';
import { readEventStream } from './http/event-stream.ts';

export interface FollowOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly since: number | undefined;
  /** How long the stream may stay away, counted from its first failure; for ever unless told. */
  readonly giveUpAfterMs?: number | undefined;
  readonly decode: (value: unknown) => ChangeEvent;
  /** Opens the stream after a revision; without one it begins with a `reset`. */
  readonly open: (since: number | undefined, signal: AbortSignal) => Promise<AsyncIterable<Buffer>>;
}

/** A stream that says nothing, not even a keep-alive, for this long is taken for dead. */
const SILENCE_MS = 60_000;
/** Tries before the first connection stands; afterwards it is opened again for ever. */
const FIRST_TRIES = 1;

/**
 * Follows the change stream: opens it again from the last whole revision when it breaks, so that nothing is missed or seen as new twice,
 * and starts over (the server sends a `reset`) when the revision is no longer kept.
 *
 * @throws what `open` throws the first time; later only answers that will not change (4xx), and the last failure once the stream has been away for
 *   `giveUpAfterMs`. The signal's reason when aborted.
 */
export async function* followChanges(options: FollowOptions): AsyncGenerator<ChangeEvent> {
  const { clock, signal } = options;
  let { since } = options;
  let everOpened = false;
  let failures = 0;
  let awaySince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const attempt = new AbortController();
    const abort = (): void => attempt.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    let cancelSilence = (): void => undefined;
    try {
      const body = await options.open(since, attempt.signal);
      everOpened = true;
      const heard = (): void => {
        cancelSilence();
        cancelSilence = clock.schedule(SILENCE_MS, () => attempt.abort(new Error('the change stream went silent')));
      };
      heard();
      for await (const event of readEventStream(body, heard)) {
        failures = 0;
        awaySince = undefined;
        yield options.decode(JSON.parse(event.data));
        if (event.id !== '') since = Number(event.id);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isApiError(error) && error.kind !== 'unavailable' && error.kind !== 'internal') {
        if (!everOpened || since === undefined || (error.status !== 410 && error.status !== 412)) throw error;
        since = undefined;
      }
      if (!everOpened && failures + 1 >= FIRST_TRIES) throw error;
      awaySince ??= clock.monotonic();
      if (options.giveUpAfterMs !== undefined && clock.monotonic() - awaySince >= options.giveUpAfterMs) throw error;
    } finally {
      cancelSilence();
      signal.removeEventListener('abort', abort);
      attempt.abort(new Error('done'));
    }
    await clock.sleep(backoffDelayMs(failures, { initialMs: 50, maxMs: 2_000 }), { signal });
    failures += 1;
  }
}
