import { backoffDelayMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import { withDeadline } from './deadline.ts';
import { FleetError, isFleetError } from './errors.ts';

export interface LeaseKeeperOptions {
  /** Extends the lease by its TTL; throws code `LEASE_NOT_FOUND` once it has ended. */
  readonly keepAlive: (options: { readonly signal: AbortSignal }) => Promise<{ readonly ttlMs: number }>;
  readonly ttlMs: number;
  /** `clock.monotonic()` when the request that granted or last extended the lease was sent. */
  readonly extendedAt: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told the moment before which the lease cannot end, on the monotonic clock, after each answer. */
  readonly onExtended: (endsAtMs: number) => void;
  /** Told of each failure but the end of the lease. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Keeps a lease alive: once a third of its TTL, after a failure at least once a twelfth, for as long as the store does not say that it
 * has ended, also past the moment it should have (a store that was away may have extended it). Resolves when the store
 * says that the lease has ended; rejects with the signal's reason.
 *
 * An extension that has no answer after a third of the TTL is given up for another, so that one lost answer costs no lease.
 * The end is counted from the moment a request was *sent*, on the monotonic clock: the store cannot have counted less.
 */
export async function keepLease(options: LeaseKeeperOptions): Promise<void> {
  const { clock, signal } = options;
  let ttlMs = options.ttlMs;
  let next = options.extendedAt + ttlMs / 3;
  options.onExtended(options.extendedAt + ttlMs);
  for (let failures = 0; ; ) {
    await clock.sleep(Math.max(0, next - clock.monotonic()), { signal });
    const sentAt = clock.monotonic();
    try {
      const ms = ttlMs / 3;
      const reason = (): Error => new FleetError(`a keepalive was not answered within ${Math.round(ms)} ms`, { code: 'STORE_TIMEOUT', kind: 'unavailable' });
      ({ ttlMs } = await withDeadline({ ms, clock, signal, reason }, options.keepAlive));
      failures = 0;
      next = sentAt + ttlMs / 3;
      options.onExtended(sentAt + ttlMs);
    } catch (error) {
      signal.throwIfAborted();
      if (isFleetError(error, 'LEASE_NOT_FOUND')) return;
      options.onFailure?.(error);
      next = clock.monotonic() + backoffDelayMs(failures, { initialMs: ttlMs / 30, maxMs: ttlMs / 12 });
      failures += 1;
    }
  }
}
