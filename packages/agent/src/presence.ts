import type { MachineId } from '@fleet/model';
import type { LeaseId, MachineRegistration, Registry } from '@fleet/registry';
import { backoffDelayMs, describeError, isFleetError, keepLease, Wakeup, type Clock, type Component, type Logger } from '@fleet/runtime';
import type { RuntimeMemory } from './runtime-memory.ts';

export type PresenceRegistry = Pick<Registry, 'grantLease' | 'keepAlive' | 'revokeLease' | 'registerMachine' | 'removeMachine'>;

/** What is published of this machine besides its id. */
export type MachineDescription = Omit<MachineRegistration, 'id' | 'sessionId'>;

export type PresenceStatus =
  /** Not in the cluster, or not any more: working on it. */
  | { readonly kind: 'joining' }
  /** Another live machine has this machine's id. */
  | { readonly kind: 'duplicate' }
  /** The machine's key stands under this lease. */
  | { readonly kind: 'present'; readonly lease: LeaseId }
  /** The store has not answered for so long that the lease may have ended; it is still tried. */
  | { readonly kind: 'uncertain'; readonly lease: LeaseId };

/** The lease under which this machine's keys are written; null while there is none. */
export function leaseOf(status: PresenceStatus): LeaseId | null {
  return status.kind === 'present' || status.kind === 'uncertain' ? status.lease : null;
}

export interface PresenceOptions {
  readonly registry: PresenceRegistry;
  readonly machine: MachineId;
  /** Read at each registration, so that a reload takes effect with {@link Presence.refresh}. */
  readonly describe: () => MachineDescription;
  readonly memory: RuntimeMemory;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of each try to extend the lease. */
  readonly onHeartbeat?: (answered: boolean) => void;
}

export interface Presence extends Component {
  readonly name: 'presence';
  status(): PresenceStatus;
  /** Moment before which the lease cannot end, on the monotonic clock; null without a lease. */
  leaseEndsAt(): number | null;
  /** When the store was last heard of, or tried in vain, on the monotonic clock: tells a busy presence from a stuck one. */
  activeAt(): number;
  /** Called after each change of {@link status}, and of {@link leaseEndsAt}. */
  onChange(listener: () => void): () => void;
  /** Writes the machine's key again: it is missing, or its content changed. */
  refresh(): void;
  /** Takes this machine out of the cluster. Call when {@link run} has ended. */
  leave(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Keeps this machine's key in the cluster under its lease. */
export function createPresence(options: PresenceOptions): Presence {
  return new LeasedPresence(options);
}

class LeasedPresence implements Presence {
  readonly name = 'presence' as const;
  readonly #options: PresenceOptions;
  readonly #listeners = new Set<() => void>();
  readonly #wakeup = new Wakeup();
  #status: PresenceStatus = { kind: 'joining' };
  #endsAt: number | null = null;
  #activeAt: number;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#activeAt = options.clock.monotonic();
  }

  activeAt(): number {
    return this.#activeAt;
  }

  status(): PresenceStatus {
    return this.#status;
  }

  leaseEndsAt(): number | null {
    return this.#endsAt;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refresh(): void {
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; ) {
      try {
        await this.#stay(signal, () => {
          failures = 0;
        });
      } catch (error) {
        signal.throwIfAborted();
        const delayMs = this.#report(error, failures);
        failures += 1;
        await this.#pause(delayMs, signal);
      }
    }
  }

  async leave({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { registry, machine, memory } = this.#options;
    const { sessionId, lease } = memory.session;
    this.#become({ kind: 'joining' }, null);
    await registry.removeMachine(machine, sessionId, { signal });
    if (lease !== null) await registry.revokeLease(lease, { signal });
    await this.#rememberLease(null);
  }

  /** One life of a lease: take it up or ask for one, register, keep it until it ends. */
  async #stay(signal: AbortSignal, onRegistered: () => void): Promise<void> {
    const { registry, machine, clock, logger } = this.#options;
    const held = await this.#takeLease(signal);
    try {
      await this.#register(held.lease, signal);
    } catch (error) {
      if (isFleetError(error, 'MACHINE_ID_TAKEN')) await this.#giveUpLease(held.lease, signal);
      else if (isFleetError(error, 'LEASE_NOT_FOUND')) await this.#rememberLease(null);
      throw error;
    }
    onRegistered();
    logger.info('machine registered', { machine, lease: held.lease, ttlMs: held.ttlMs });

    const life = new AbortController();
    const both = AbortSignal.any([signal, life.signal]);
    let cancelDeadline = (): void => undefined;
    let failure: unknown;
    let failedBeats = 0;
    const keep = keepLease({
      keepAlive: ({ signal: callSignal }) => registry.keepAlive(held.lease, { signal: callSignal }),
      ttlMs: held.ttlMs,
      extendedAt: held.extendedAt,
      clock,
      signal: both,
      onExtended: (endsAtMs) => {
        this.#activeAt = clock.monotonic();
        this.#options.onHeartbeat?.(true);
        cancelDeadline();
        cancelDeadline = clock.schedule(endsAtMs - clock.monotonic(), () => {
          logger.error('Server monitor triggered: Monitor timed out before successful heartbeat', { machine, ttlMs: held.ttlMs });
          this.#become({ kind: 'uncertain', lease: held.lease }, endsAtMs);
        });
        if (failedBeats > 0) logger.info('heartbeat answered again', { machine, failures: failedBeats });
        failedBeats = 0;
        this.#become({ kind: 'present', lease: held.lease }, endsAtMs);
      },
      onFailure: (error) => {
        this.#activeAt = clock.monotonic();
        this.#options.onHeartbeat?.(false);
        // Once is enough for people: how long it takes is in the lines that follow.
        logger[failedBeats === 0 ? 'warn' : 'debug']('heartbeat failed, trying again', { machine, error: describeError(error) });
        failedBeats += 1;
      },
    }).catch((error: unknown) => {
      if (!both.aborted) failure = error;
    });
    const refreshing = this.#refreshOnDemand(held.lease, both).catch((error: unknown) => {
      if (!both.aborted) failure = error;
    });
    await Promise.race([keep, refreshing]);
    life.abort(new Error('the lease is over'));
    cancelDeadline();
    await Promise.all([keep, refreshing]);
    signal.throwIfAborted();
    logger.warn('lease of this machine has ended, registering again', { machine, lease: held.lease });
    this.#become({ kind: 'joining' }, null);
    await this.#rememberLease(null);
    if (failure !== undefined) throw failure as Error;
  }

  async #takeLease(signal: AbortSignal): Promise<{ readonly lease: LeaseId; readonly ttlMs: number; readonly extendedAt: number }> {
    const { registry, memory, ttlMs, clock, logger } = this.#options;
    const extendedAt = clock.monotonic();
    const saved = memory.session.lease;
    if (saved !== null) {
      try {
        const answer = await registry.keepAlive(saved, { signal });
        // A lease of another length is left to end by itself; everything moves to the new one.
        if (Math.abs(answer.ttlMs - ttlMs) <= 1000) {
          logger.info('lease taken up again', { lease: saved });
          return { lease: saved, ttlMs: answer.ttlMs, extendedAt };
        }
      } catch (error) {
        if (!isFleetError(error, 'LEASE_NOT_FOUND')) throw error;
      }
    }
    const granted = await registry.grantLease(ttlMs, { signal });
    await this.#rememberLease(granted.id);
    return { lease: granted.id, ttlMs: granted.ttlMs, extendedAt };
  }

  /** A full disk must not keep the machine out of the cluster: the next process then finds an ended lease and asks for a new one. */
  async #rememberLease(lease: LeaseId | null): Promise<void> {
    try {
      await this.#options.memory.saveLease(lease);
    } catch (error) {
      this.#options.logger.warn('the lease could not be remembered', { error: describeError(error), remedy: 'see whether runtime_directory is full; a restart of fleetd takes up the lease written there' });
    }
  }

  async #register(lease: LeaseId, signal: AbortSignal): Promise<void> {
    const { registry, machine, memory } = this.#options;
    const description = this.#options.describe();
    await registry.registerMachine({ id: machine, sessionId: memory.session.sessionId, ...description } satisfies MachineRegistration, lease, { signal });
  }

  /** Resolves when the lease turns out to be over. */
  async #refreshOnDemand(lease: LeaseId, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    for (let failures = 0; ; ) {
      await this.#wakeup.wait(signal);
      try {
        await this.#register(lease, signal);
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        if (isFleetError(error, 'LEASE_NOT_FOUND')) return;
        if (isFleetError(error, 'MACHINE_ID_TAKEN')) throw error;
        logger.warn('machine was not registered again', { error: describeError(error) });
        await clock.sleep(backoffDelayMs(failures, { initialMs: 200, maxMs: 5000 }), { signal });
        failures += 1;
        this.#wakeup.wake();
      }
    }
  }

  async #giveUpLease(lease: LeaseId, signal: AbortSignal): Promise<void> {
    const { registry } = this.#options;
    await this.#rememberLease(null);
    await registry.revokeLease(lease, { signal }).catch(() => undefined);
  }

  #report(error: unknown, failures: number): number {
    const { machine, logger } = this.#options;
    this.#activeAt = this.#options.clock.monotonic();
    if (isFleetError(error, 'MACHINE_ID_TAKEN')) {
      // The holder is either another machine, or this one before its last boot, whose lease ends within the TTL.
      const delayMs = backoffDelayMs(failures, { initialMs: 500, maxMs: 5000 });
      const fields = { machine, error: describeError(error), remedy: 'if this goes on for longer than agent_ttl, another machine has the same /etc/machine-id: give one of them a new id and restart its fleetd' };
      if (failures === 0 || this.#status.kind !== 'duplicate') logger.error('machine id is taken, not joining the cluster', fields);
      else logger.debug('machine id is still taken', fields);
      this.#become({ kind: 'duplicate' }, null);
      return delayMs;
    }
    const delayMs = backoffDelayMs(failures, { initialMs: 250, maxMs: 5000 });
    logger.error('cannot join the cluster, will try again', {
      machine,
      error: describeError(error),
      ...(isFleetError(error) && error.remedy !== undefined ? { remedy: error.remedy } : {}),
      delayMs: Math.round(delayMs),
    });
    if (this.#status.kind === 'duplicate') this.#become({ kind: 'joining' }, null);
    return delayMs;
  }

  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#wakeup.wake();
    });
    try {
      await this.#wakeup.wait(signal);
    } finally {
      cancel();
    }
  }

  #become(status: PresenceStatus, endsAt: number | null): void {
    this.#status = status;
    this.#endsAt = endsAt;
    for (const listener of [...this.#listeners]) listener();
  }
}
