import { randomBytes } from 'node:crypto';
import type { Clock } from '@fleet/runtime';
import type { LeaseId, LeaseLife } from '../store.ts';

/** Longest wait of one timer; `setTimeout` fires at once beyond 2^31 ms. */
const MAX_TIMER_MS = 2 ** 30;

interface Lease {
  readonly ttlMs: number;
  readonly endsAt: number;
}

/**
 * Which leases there are and when each ends, on the monotonic clock: no jump of the wall clock ends a lease. What belongs
 * to a lease is the store's business; it is told which leases are due.
 */
export class Leases {
  readonly #clock: Clock;
  readonly #onDue: (ids: readonly LeaseId[]) => void;
  readonly #leases = new Map<LeaseId, Lease>();
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, onDue: (ids: readonly LeaseId[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** An id that was never used: 62 random bits, positive, decimal as etcd prints its own. */
  newId(): LeaseId {
    for (;;) {
      const id = (randomBytes(8).readBigUInt64BE() >> 2n).toString();
      if (id !== '0' && !this.#leases.has(id)) return id;
    }
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  /** Adds a lease, or extends it by its TTL from now. */
  set(id: LeaseId, ttlMs: number): void {
    const endsAt = this.#clock.monotonic() + ttlMs;
    this.#leases.set(id, { ttlMs, endsAt });
    if (endsAt < this.#timerAt) this.#arm(endsAt);
  }

  ttlMs(id: LeaseId): number | undefined {
    return this.#leases.get(id)?.ttlMs;
  }

  life(id: LeaseId): LeaseLife | null {
    const lease = this.#leases.get(id);
    if (lease === undefined) return null;
    const leftMs = lease.endsAt - this.#clock.monotonic();
    return leftMs > 0 ? { ttlMs: lease.ttlMs, leftMs } : null;
  }

  isDue(id: LeaseId): boolean {
    const lease = this.#leases.get(id);
    return lease !== undefined && lease.endsAt <= this.#clock.monotonic();
  }

  delete(id: LeaseId): void {
    this.#leases.delete(id);
  }

  /** Looks for due leases again after `ms`, when ending them has failed. */
  retryAfter(ms: number): void {
    this.#arm(this.#clock.monotonic() + ms);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#leases.clear();
  }

  // The timer may stand earlier than the first end (its lease was extended): it then only arms itself anew. So extending a
  // lease, which is what happens most, costs one map entry.
  #arm(at: number): void {
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#clock.schedule(Math.min(MAX_TIMER_MS, Math.max(0, at - this.#clock.monotonic())), () => this.#fire());
  }

  #fire(): void {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    const now = this.#clock.monotonic();
    const due: LeaseId[] = [];
    let next = Infinity;
    for (const [id, lease] of this.#leases) {
      if (lease.endsAt <= now) due.push(id);
      else next = Math.min(next, lease.endsAt);
    }
    if (next !== Infinity) this.#arm(next);
    if (due.length > 0) this.#onDue(due);
  }
}
