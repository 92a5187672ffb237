/** Runs work given to it, at most so much at a time, in the order it came. */
export type Limiter = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * Bounds how much runs side by side. Work that waits for its turn when its signal aborts is dropped and rejects with
 * the signal's reason; work that runs is left to its own signal.
 *
 * @param most How many may run at a time; at least 1.
 */
export function createLimiter(most: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];

  const acquire = async (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    if (running < most) {
      running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(turn), 1);
        reject(signal?.reason as Error);
      };
      waiting.push(turn);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  };
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };

  return async (work, signal) => {
    await acquire(signal);
    try {
      return await work();
    } finally {
      release();
    }
  };
}
