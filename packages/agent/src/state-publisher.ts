import type { MachineId, UnitName, UnitState } from '@fleet/model';
import type { LeaseId, Registry, StateChange, StateRecord } from '@fleet/registry';
import { backoffDelayMs, describeError, isFleetError, Wakeup, type Clock, type Component, type Logger } from '@fleet/runtime';
import { leaseOf, type Presence } from './presence.ts';

/** What the machine says of a unit; the publisher adds the names. */
export type UnitReport = Omit<UnitState, 'unit' | 'machine'>;

export interface StatePublisherOptions {
  readonly registry: Pick<Registry, 'publishStates'>;
  readonly machine: MachineId;
  readonly sessionId: string;
  readonly presence: Pick<Presence, 'status' | 'onChange' | 'refresh'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Changes within this time of each other go out together, but for the first after a quiet moment; 5 ms unless told. */
  readonly gatherMs?: number;
}

const MOST_CHANGES = 1000;
/** After so long without a write, one change is probably all there is: whoever waits for it shall not wait for others. */
const QUIET_MS = 10;

/**
 * Publishes the states of this machine's units under its lease: only what changed, together, again until it is written.
 * At rest nothing is written. A new lease means that everything is written again.
 */
export class StatePublisher implements Component {
  readonly name = 'state-publisher' as const;
  readonly #options: StatePublisherOptions;
  readonly #reports = new Map<UnitName, UnitReport>();
  /** What the registry holds, as far as is known; the empty string for a state of which only the name is known. */
  readonly #published = new Map<UnitName, string>();
  readonly #dirty = new Set<UnitName>();
  readonly #wakeup = new Wakeup();
  #lease: LeaseId | null = null;
  #flushedAt = -Infinity;

  constructor(options: StatePublisherOptions) {
    this.#options = options;
  }

  /** Tells what the registry holds of this machine already, and under which lease it was written. */
  seed(records: Iterable<StateRecord>, lease: LeaseId | null): void {
    this.#lease = lease;
    for (const record of records) {
      const { unit, machine: _machine, revision: _revision, ...report } = record;
      this.#published.set(unit, encode(report));
    }
  }

  /** Names of the units of which the registry holds a state, as far as is known. */
  get publishedUnits(): readonly UnitName[] {
    return [...this.#published.keys()];
  }

  /** The unit's state now; null when the machine has nothing of it any more. */
  set(unit: UnitName, report: UnitReport | null): void {
    if (report === null) this.#reports.delete(unit);
    else this.#reports.set(unit, report);
    if (this.#isPublished(unit)) this.#dirty.delete(unit);
    else {
      this.#dirty.add(unit);
      this.#wakeup.wake();
    }
  }

  /** A state was deleted, perhaps by someone else: write it again. */
  lost(unit: UnitName): void {
    if (!this.#reports.has(unit)) return;
    // It may have been an earlier one, and the news of that late: then there is one, which has to go with the unit.
    this.#published.set(unit, '');
    this.#dirty.add(unit);
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { presence, clock, logger } = this.#options;
    const unsubscribe = presence.onChange(() => {
      this.#wakeup.wake();
    });
    try {
      for (let failures = 0; ; ) {
        await this.#wakeup.wait(signal);
        try {
          if (this.#currentLease() === null) continue;
          if (clock.monotonic() - this.#flushedAt < QUIET_MS) await clock.sleep(this.#options.gatherMs ?? 5, { signal });
          await this.flush({ signal });
          this.#flushedAt = clock.monotonic();
          failures = 0;
        } catch (error) {
          signal.throwIfAborted();
          const delayMs = backoffDelayMs(failures, { initialMs: 100, maxMs: 5000 });
          failures += 1;
          // The lease or the key is gone: presence finds out and brings a new one.
          if (isFleetError(error, 'LEASE_NOT_FOUND') || isFleetError(error, 'MACHINE_ID_TAKEN')) presence.refresh();
          logger.warn('states were not published, will try again', { error: describeError(error), units: this.#dirty.size });
          await clock.sleep(delayMs, { signal });
          this.#wakeup.wake();
        }
      }
    } finally {
      unsubscribe();
    }
  }

  /** Writes all that has to be written, at once. Does nothing without a lease. */
  async flush({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { registry, machine, sessionId } = this.#options;
    for (;;) {
      const lease = this.#currentLease();
      if (lease === null) return;
      if (lease !== this.#lease) this.#renew(lease);
      if (this.#dirty.size === 0) return;
      const units = [...this.#dirty].slice(0, MOST_CHANGES);
      const sent = new Map<UnitName, string | null>();
      const changes = units.map((unit): StateChange => {
        const report = this.#reports.get(unit);
        this.#dirty.delete(unit);
        sent.set(unit, report === undefined ? null : encode(report));
        return report === undefined ? { kind: 'delete', unit } : { kind: 'put', state: { ...report, unit, machine } };
      });
      try {
        await registry.publishStates(machine, sessionId, lease, changes, { signal });
      } catch (error) {
        // Whether it was written is not known: all of it is written again.
        for (const unit of units) this.#dirty.add(unit);
        throw error;
      }
      for (const [unit, text] of sent) {
        if (text === null) this.#published.delete(unit);
        else this.#published.set(unit, text);
        // What came while this was under way was compared with what had been written before it.
        if (this.#isPublished(unit)) this.#dirty.delete(unit);
        else this.#dirty.add(unit);
      }
    }
  }

  #currentLease(): LeaseId | null {
    return leaseOf(this.#options.presence.status());
  }

  /** States under the old lease end with it, so all are written under the new one. */
  #renew(lease: LeaseId): void {
    this.#lease = lease;
    for (const unit of this.#published.keys()) {
      this.#published.set(unit, '');
      this.#dirty.add(unit);
    }
    for (const unit of this.#reports.keys()) this.#dirty.add(unit);
  }

  #isPublished(unit: UnitName): boolean {
    const report = this.#reports.get(unit);
    return this.#published.get(unit) === (report === undefined ? undefined : encode(report));
  }
}

function encode(report: UnitReport): string {
  return JSON.stringify([report.load, report.active, report.sub, report.hash, report.asked, report.generation, report.reason ?? null]);
}
