import type { Clock } from '@fleet/runtime';
import { revisionNotReached } from '../store-errors.ts';

/** A watch shows a revision within milliseconds; if it has not by now, its last event may lie in another prefix. */
const OVERDUE_MS = 250;
/** Listings for the same readers come ever more rarely, up to this. */
const MAX_OVERDUE_MS = 8_000;

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/**
 * Readers that wait for the copy to reach a revision. A watch tells only of its own prefix, so a revision that changed
 * nothing there would never be seen: for a reader that waits too long, `overdue` asks for a new listing. A revision that this
 * does not show either will not come: the store was restored to an older state, or the revision is another store's.
 */
export class RevisionWaiters {
  readonly #clock: Clock;
  readonly #overdue: () => void;
  readonly #waiters = new Set<Waiter>();
  /** Those that waited already when the listing under way began: it shows whatever there was then. */
  #before: ReadonlySet<Waiter> = new Set();
  #cancelTimer: (() => void) | undefined;
  #delayMs = OVERDUE_MS;
  #closed: { readonly reason: Error } | undefined;

  constructor(clock: Clock, overdue: () => void) {
    this.#clock = clock;
    this.#overdue = overdue;
  }

  wait(revision: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed.reason);
        return;
      }
      const end = (settle: () => void): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
        if (this.#waiters.size === 0) this.#disarm();
        settle();
      };
      const onAbort = (): void => end(() => reject(signal.reason as Error));
      const waiter: Waiter = { revision, resolve: () => end(resolve), reject: (reason) => end(() => reject(reason)) };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#arm();
    });
  }

  reached(revision: number): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of [...this.#waiters]) if (waiter.revision <= revision) waiter.resolve();
  }

  listingBegins(): void {
    this.#before = new Set(this.#waiters);
  }

  listed(revision: number): void {
    this.reached(revision);
    for (const waiter of this.#before) if (this.#waiters.has(waiter)) waiter.reject(revisionNotReached(waiter.revision, revision));
    this.#before = new Set();
  }

  close(reason: Error): void {
    this.#closed = { reason };
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
  }

  #arm(): void {
    this.#cancelTimer ??= this.#clock.schedule(this.#delayMs, () => {
      this.#cancelTimer = undefined;
      this.#delayMs = Math.min(MAX_OVERDUE_MS, this.#delayMs * 2);
      this.#overdue();
      if (this.#waiters.size > 0) this.#arm();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#delayMs = OVERDUE_MS;
  }
}
