import type { MachineId } from '@fleet/model';
import type { Clock, Logger } from '@fleet/runtime';
import type { Presence } from './presence.ts';

export interface LeaseFenceOptions {
  readonly presence: Pick<Presence, 'leaseEndsAt'>;
  readonly machine: MachineId;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Read each time it matters: a reload may have changed it. */
  readonly onLeaseLoss: () => 'keep' | 'stop';
  /** Called after each change of {@link LeaseFence.closed}. */
  readonly onChange: () => void;
}

/**
 * Tells when the units of this machine must not run because its lease may have ended: with `stop`, from a third of the TTL
 * before that moment, which is left for stopping, until there is a lease again.
 *
 * Closes only after a lease was safe once: without having been in the cluster nothing is known of what is here, so
 * there is nothing that could be stopped and started again.
 */
export class LeaseFence {
  readonly #options: LeaseFenceOptions;
  #closed = false;
  #wasSafe = false;
  #cancelTimer = (): void => undefined;

  constructor(options: LeaseFenceOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Looks again: the lease was extended or lost, or the option may have changed. */
  update(): void {
    const { presence, ttlMs, clock, onLeaseLoss } = this.#options;
    this.cancel();
    const endsAt = presence.leaseEndsAt();
    const safeForMs = endsAt === null ? 0 : endsAt - ttlMs / 3 - clock.monotonic();
    if (safeForMs > 0) this.#wasSafe = true;
    const isAsked = onLeaseLoss() === 'stop';
    if (isAsked && safeForMs > 0) {
      this.#cancelTimer = clock.schedule(safeForMs, () => {
        this.update();
      });
    }
    this.#become(isAsked && safeForMs <= 0 && this.#wasSafe);
  }

  /** Does nothing more by itself. */
  cancel(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
  }

  #become(closed: boolean): void {
    if (this.#closed === closed) return;
    this.#closed = closed;
    const { logger, machine, onChange } = this.#options;
    if (closed) logger.error('lease of this machine may end before it is extended, its units are stopped', { machine });
    else logger.info('lease is safe again or units no longer depend on it, they go on', { machine });
    onChange();
  }
}
