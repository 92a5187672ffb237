/**
 * Time, injected so that tests can hold it still. `now` is wall time for people; `monotonic` is for measuring and
 * never jumps. All values are milliseconds.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never goes back, from an arbitrary origin. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. Does not keep the process alive alone if `unref`. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined; readonly unref?: boolean }): Promise<void>;
  /** Calls `run` once after `ms`; the returned function cancels it. */
  schedule(ms: number, run: () => void): () => void;
}

/** The time of this computer. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, options = {}) =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      if (options.unref === true) timer.unref();
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  schedule: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
