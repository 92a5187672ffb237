import type { Clock } from '@fleet/runtime';

/** A signal that aborts with `error` after `ms` on the clock, or with the caller's signal. Dispose of it when done. */
export function createDeadline(clock: Clock, ms: number, error: () => Error, signal?: AbortSignal): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const cancel = clock.schedule(ms, () => {
    controller.abort(error());
  });
  return {
    signal: signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]),
    [Symbol.dispose]: cancel,
  };
}

/** Settles like `work`, or rejects with the signal's reason if that comes first. */
export async function raceSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    throw signal.reason;
  }
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
