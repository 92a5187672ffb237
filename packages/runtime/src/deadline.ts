import type { Clock } from './clock.ts';

export interface DeadlineOptions {
  readonly ms: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the call is aborted with when the time is over. */
  readonly reason: () => Error;
}

/** Makes a call whose signal aborts with `signal`, or after `ms` with the reason. How soon the call ends then is its own affair. */
export async function withDeadline<T>({ ms, clock, signal, reason }: DeadlineOptions, call: (options: { readonly signal: AbortSignal }) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const both = new AbortController();
  const onAbort = (): void => both.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.schedule(ms, () => both.abort(reason()));
  try {
    return await call({ signal: both.signal });
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
