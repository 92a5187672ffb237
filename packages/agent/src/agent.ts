import type { MachineId, Metadata } from '@fleet/model';
import { RequirementsSource, type LeaseId, type Mirror, type MirrorBatch, type Registry } from '@fleet/registry';
import { describeError, isAbort, retryWithBackoff, shutdownReason, Wakeup, type Clock, type Component, type Logger } from '@fleet/runtime';
import type { UnitManager } from '@fleet/systemd';
import type { AgentObserver } from './agent-observer.ts';
import { leaveCluster, putUnitsAway, type Departure } from './departure.ts';
import { createPresence, leaseOf, type MachineDescription, type PresenceRegistry, type PresenceStatus } from './presence.ts';
import type { RuntimeMemory } from './runtime-memory.ts';
import { StatePublisher } from './state-publisher.ts';
import { IdWatch } from './id-watch.ts';
import { LeaseFence } from './lease-fence.ts';
import { followSystemd } from './follow-systemd.ts';
import { readWantedUnits, type WantedUnits } from './wanted-units.ts';
import { UnitWorkers } from './workers.ts';

export type AgentRegistry = PresenceRegistry & Pick<Registry, 'openMirror' | 'readText' | 'publishStates'>;

export interface AgentOptions {
  readonly registry: AgentRegistry;
  readonly manager: UnitManager;
  readonly memory: RuntimeMemory;
  readonly machine: MachineId;
  /** Read at each registration. */
  readonly describe: () => MachineDescription;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What happens to the units when the machine's lease may have ended; `keep` unless told. */
  readonly onLeaseLoss?: () => 'keep' | 'stop';
  /** What happens to the units when the agent is told to end: `purge` puts them away and leaves the cluster, `keep` leaves all as it is. */
  readonly shutdown: () => 'purge' | 'keep';
  /** How long a purge may take; 60 s unless told. */
  readonly drainDeadlineMs?: number;
  /** How long a unit may take to stop before that is published as its reason; 120 s unless told. */
  readonly stopDeadlineMs?: number;
  /** How often files and states are compared with what is really there; 60 s unless told. */
  readonly slowCheckMs?: number;
  readonly observer?: AgentObserver;
}

export interface AgentStatus {
  readonly presence: PresenceStatus;
  /** Whether the machine's units are known and being looked after. */
  readonly ready: boolean;
  readonly units: number;
  /** How long ago the agent last heard from the registry, or tried in vain. Grows when it is stuck. */
  readonly quietMs: number;
}

export interface Agent extends Component {
  readonly name: 'agent';
  status(): AgentStatus;
  /** Called after each change of presence. */
  onChange(listener: () => void): () => void;
  /** The description or the static metadata changed: publish it and look again. */
  refresh(): void;
  /** What is wanted and known, for a dump on request. */
  dump(): Readonly<Record<string, unknown>>;
}

/**
 * Makes this machine's systemd match what the registry wants of it, and publishes what became of that.
 *
 * Nothing is concluded from what is not known: while the registry cannot be read, the machine's own record is missing, or
 * another machine has its id, no unit is touched.
 */
export function createAgent(options: AgentOptions): Agent {
  return new MachineAgent(options);
}

class MachineAgent implements Agent {
  readonly name = 'agent' as const;
  readonly #options: AgentOptions;
  readonly #presence;
  readonly #publisher: StatePublisher;
  readonly #requirements: RequirementsSource;
  readonly #fence: LeaseFence;
  readonly #look = new Wakeup();
  #workers: UnitWorkers | undefined;
  #mirror: Mirror | undefined;
  /** What was wanted when it could last be told. */
  #wanted: WantedUnits | null = null;
  /** The lease under which what the mirror holds was last known to be no older than the registration. */
  #concludedUnder: LeaseId | null = null;
  #ready = false;
  #draining = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { registry, machine, memory, clock, logger } = options;
    this.#presence = createPresence({
      registry,
      machine,
      describe: options.describe,
      memory,
      ttlMs: options.ttlMs,
      clock,
      logger,
      onHeartbeat: (answered) => options.observer?.onHeartbeat?.(answered),
    });
    this.#publisher = new StatePublisher({ registry, machine, sessionId: memory.session.sessionId, presence: this.#presence, clock, logger });
    this.#requirements = new RequirementsSource(registry);
    this.#fence = new LeaseFence({
      presence: this.#presence,
      machine,
      ttlMs: options.ttlMs,
      clock,
      logger,
      onLeaseLoss: () => options.onLeaseLoss?.() ?? 'keep',
      onChange: () => {
        this.#fenceChanged();
      },
    });
  }

  status(): AgentStatus {
    return { presence: this.#presence.status(), ready: this.#ready, units: this.#workers?.size ?? 0, quietMs: this.#options.clock.monotonic() - this.#presence.activeAt() };
  }

  onChange(listener: () => void): () => void {
    return this.#presence.onChange(listener);
  }

  refresh(): void {
    this.#presence.refresh();
    this.#fence.update();
    this.#look.wake();
  }

  dump(): Readonly<Record<string, unknown>> {
    const units = [...(this.#workers?.all() ?? [])].map((worker) => [worker.name, { wanted: worker.lastWanted?.targetState ?? null, asked: worker.asked, ...worker.state }]);
    return { presence: this.#presence.status(), ready: this.#ready, fenced: this.#fence.closed, units: Object.fromEntries(units) as Record<string, unknown> };
  }

  async run(signal: AbortSignal): Promise<void> {
    const background = new AbortController();
    const unsubscribe = this.#presence.onChange(() => {
      this.#presenceChanged();
    });
    const workers = this.#createWorkers(background.signal);
    this.#workers = workers;
    const idWatch = new IdWatch({ registry: this.#options.registry, machine: this.#options.machine, presence: this.#presence, clock: this.#options.clock });
    const owned = [this.#presence.run(background.signal), idWatch.run(background.signal), this.#publisher.run(background.signal), workers.runRefresh(background.signal)];
    const failed = Promise.all(owned).then(() => undefined);
    // Observed below; until then a failure must not count as unhandled.
    failed.catch(() => undefined);
    let leaving = false;
    try {
      const looking = new AbortController();
      try {
        await Promise.race([this.#work(AbortSignal.any([signal, looking.signal])), failed]);
      } catch (error) {
        if (!isAbort(error, signal)) throw error;
      } finally {
        looking.abort(shutdownReason);
      }
      leaving = await putUnitsAway(this.#departure(workers), { ready: this.#ready, onBegin: () => (this.#draining = true) });
    } finally {
      this.#ready = false;
      this.#fence.cancel();
      workers.close();
      background.abort(shutdownReason);
      await Promise.allSettled(owned);
      unsubscribe();
    }
    // Only now: a presence that is still at work would come back with a new lease.
    if (leaving) await leaveCluster(this.#departure(workers));
  }

  #departure(workers: UnitWorkers): Departure {
    const { machine, memory, shutdown, drainDeadlineMs, clock, logger } = this.#options;
    return { machine, memory, shutdown, drainDeadlineMs: drainDeadlineMs ?? 60_000, clock, logger, workers, presence: this.#presence, publisher: this.#publisher };
  }

  #createWorkers(signal: AbortSignal): UnitWorkers {
    const { manager, memory, registry, clock, logger, observer } = this.#options;
    return new UnitWorkers({
      manager,
      memory,
      readText: (hash, readSignal) => registry.readText(hash, { signal: readSignal }),
      clock,
      logger,
      signal,
      stopDeadlineMs: this.#options.stopDeadlineMs ?? 120_000,
      // What is known is enough to stop by.
      mayAct: () => this.#draining || this.#mayConclude() || (this.#fence.closed && this.#ready),
      publish: (unit, report) => {
        this.#publisher.set(unit, report);
      },
      onSize: (size) => observer?.onUnits?.(size),
      onTask: (kind, outcome) => observer?.onTask?.(kind, outcome),
    });
  }

  /** From registration to the signal. */
  async #work(signal: AbortSignal): Promise<void> {
    const { registry, machine, clock, logger, memory } = this.#options;
    const savedLease = memory.session.lease;
    await this.#waitForPresence(signal);
    const mirror = await registry.openMirror({ kind: 'machine', machine }, { signal });
    this.#mirror = mirror;
    mirror.subscribe((batch) => {
      this.#noteBatch(batch);
    });
    mirror.onLiveness((live) => {
      if (live) this.#look.wake();
    });
    this.#publisher.seed(mirror.records('state').values(), savedLease);
    const workers = this.#workers as UnitWorkers;
    const systemd = followSystemd({
      manager: this.#options.manager,
      workers,
      clock,
      logger,
      slowCheckMs: this.#slowCheckMs,
      onReachable: (reachable) => this.#options.observer?.onSystemd?.(reachable),
      signal,
    });
    systemd.running.catch(() => undefined);
    await Promise.race([systemd.ready, systemd.running]);
    for (;;) {
      const wanted = await retryWithBackoff(() => this.#gather(mirror, signal), {
        initialMs: 100,
        maxMs: 5000,
        clock,
        signal,
        onFailure: (error) => {
          logger.warn('what is wanted of this machine could not be read, will try again', { error: describeError(error) });
        },
      });
      if (wanted !== null) this.#give(workers, wanted);
      const lookedAt = clock.monotonic();
      await Promise.race([this.#waitForWork(wanted?.unreadable.length ?? 0, signal), systemd.running]);
      // The first change is acted on at once; those that follow it closely are looked at together.
      const tooEarlyMs = lookedAt + LOOK_APART_MS - clock.monotonic();
      if (tooEarlyMs > 0) await clock.sleep(tooEarlyMs, { signal });
    }
  }

  /** A text that could not be had may turn up without a change of what this machine watches. */
  async #waitForWork(unreadable: number, signal: AbortSignal): Promise<void> {
    const cancel = unreadable === 0 ? (): void => undefined : this.#options.clock.schedule(this.#slowCheckMs, () => this.#look.wake());
    try {
      await this.#look.wait(signal);
    } finally {
      cancel();
    }
  }

  get #slowCheckMs(): number {
    return this.#options.slowCheckMs ?? 60_000;
  }

  async #waitForPresence(signal: AbortSignal): Promise<void> {
    while (this.#presence.status().kind !== 'present') await this.#look.wait(signal);
  }

  /** Null while nothing may be concluded. */
  async #gather(mirror: Mirror, signal: AbortSignal): Promise<WantedUnits | null> {
    if (!this.#mayConclude()) return null;
    await this.#catchUp(mirror, signal);
    // The lease may have ended meanwhile.
    if (!this.#mayConclude()) return null;
    return await readWantedUnits({ machine: this.#options.machine, mirror, requirements: this.#requirements, staticMetadata: this.#staticMetadata() }, signal);
  }

  #give(workers: UnitWorkers, wanted: WantedUnits): void {
    this.#wanted = wanted;
    // While fenced nothing runs here, but what is loaded stays, so that it can go on.
    const given = this.#fence.closed ? wanted.wanted.map((unit) => ({ ...unit, targetState: 'loaded' as const })) : wanted.wanted;
    workers.want({ wanted: given, unreadable: wanted.unreadable });
    if (this.#ready) return;
    this.#ready = true;
    for (const unit of this.#publisher.publishedUnits) if (!workers.names().includes(unit)) this.#publisher.set(unit, null);
    this.#options.logger.info('agent is ready', { machine: this.#options.machine, units: workers.size });
  }

  /**
   * Whether what the mirror holds says what this machine should do. A mirror that does not show this machine under its present
   * lease may be from before that lease: its units may have been given to others since.
   */
  #mayConclude(): boolean {
    const lease = leaseOf(this.#presence.status());
    return lease !== null && this.#mirror?.records('machines').get(this.#options.machine)?.lease === lease;
  }

  /** The mirror's watches are independent of each other: one that shows a new registration says nothing of how far the others are. */
  async #catchUp(mirror: Mirror, signal: AbortSignal): Promise<void> {
    const lease = leaseOf(this.#presence.status());
    const registered = mirror.records('machines').get(this.#options.machine);
    if (registered === undefined || lease === this.#concludedUnder) return;
    await mirror.waitForRevision(registered.revision, { signal });
    this.#concludedUnder = lease;
  }

  #staticMetadata(): Metadata {
    return this.#options.describe().metadata;
  }

  #noteBatch(batch: MirrorBatch): void {
    let look = false;
    for (const change of batch.changes) {
      if (change.kind === 'machines') {
        // Deleted by hand, or lost with the lease: presence finds out which.
        if (change.after === undefined && this.#presence.status().kind === 'present') this.#presence.refresh();
        look = true;
      } else if (change.kind === 'state') {
        if (change.after === undefined && change.before !== undefined) this.#publisher.lost(change.before.unit);
      } else {
        // Units may come and go in masses.
        if (change.kind === 'sched' && change.after === undefined && change.before !== undefined) this.#requirements.forget(change.before.unit);
        if (change.kind === 'globals' && change.after === undefined && change.before !== undefined) this.#requirements.forget(change.before.name);
        look = true;
      }
    }
    if (look) this.#look.wake();
  }

  #presenceChanged(): void {
    this.#options.observer?.onPresence?.(this.#presence.status().kind);
    this.#fence.update();
    this.#look.wake();
  }

  #fenceChanged(): void {
    // What is being put away is not wanted again.
    if (this.#draining) return;
    // At once, with what is known: looking again may need the store, which does not answer.
    if (this.#fence.closed && this.#workers !== undefined && this.#wanted !== null) this.#give(this.#workers, this.#wanted);
    this.#look.wake();
  }
}

/** Least time between two looks at all that is wanted. */
const LOOK_APART_MS = 10;
