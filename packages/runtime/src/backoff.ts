import type { Clock } from './clock.ts';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Growth per attempt; 2 unless told. */
  readonly factor?: number;
  /** Share of the delay that is random, 0 to 1; 0.2 unless told. Keeps a cluster from retrying in step. */
  readonly jitter?: number;
  readonly random?: () => number;
}

/** Growing delays with jitter. `attempt` counts from 0. */
export function backoffDelayMs(attempt: number, options: BackoffOptions): number {
  const base = Math.min(options.maxMs, options.initialMs * (options.factor ?? 2) ** Math.min(attempt, 60));
  const jitter = options.jitter ?? 0.2;
  return base * (1 - jitter + jitter * (options.random ?? Math.random)());
}

export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether this failure is worth another try; all are unless told. */
  readonly retryable?: (error: unknown) => boolean;
  /** Told of each failure before the wait. */
  readonly onFailure?: (error: unknown, attempt: number, delayMs: number) => void;
}

/** Runs `work` until it succeeds, waiting longer after each failure. Ends only by success, an unretryable failure or the signal. */
export async function retryWithBackoff<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    options.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (options.signal.aborted || options.retryable?.(error) === false) throw error;
      const delayMs = backoffDelayMs(attempt, options);
      options.onFailure?.(error, attempt, delayMs);
      await options.clock.sleep(delayMs, { signal: options.signal });
    }
  }
}
