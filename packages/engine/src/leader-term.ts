import type { MachineId, UnitName } from '@fleet/model';
import { RequirementsSource, type Mirror, type PlacementChange, type Registry } from '@fleet/registry';
import { backoffDelayMs, describeError, isFleetError, shutdownReason, Wakeup, withDeadline, type Clock, type Logger } from '@fleet/runtime';
import { ClusterModel, type Pending, type Step } from '@fleet/scheduler';
import { ClusterFeed } from './cluster-feed.ts';
import type { EngineObserver } from './engine-observer.ts';
import { MachineJudge, type EvacuationPause, type MachineJudgeOptions } from './machine-judge.ts';
import { Moves } from './moves.ts';
import { pendingChanges, planChanges } from './placement-changes.ts';

export type LeaderRegistry = Pick<Registry, 'openMirror' | 'readText' | 'applyPlacements' | 'collectTexts' | 'collectMetadata' | 'trimHistory' | 'readLeases' | 'readEngineVersion' | 'raiseEngineVersion'>;

export interface LeaderTermOptions {
  readonly registry: LeaderRegistry;
  readonly fence: number;
  readonly version: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly judge: MachineJudgeOptions;
  /** How long a unit taken from a machine that has not reported it yet is kept back from other machines. */
  readonly settleMs: number;
  /** How often texts that nothing refers to are collected, histories shortened, and texts that were missing asked for again. */
  readonly upkeepMs: number;
  readonly observer: EngineObserver;
}

/** Longest wait for the leases of machines before one is declared dead. */
const SILENCE_DEADLINE_MS = 250;
/** For so long the answer counts. */
const SILENCE_KNOWN_MS = 900;

/** The engine at work: from winning the leadership until its signal aborts. */
export class LeaderTerm {
  readonly #options: LeaderTermOptions;
  readonly #wakeup = new Wakeup();
  readonly #judge: MachineJudge;
  readonly #model = new ClusterModel();
  readonly #waiting = new Map<UnitName, Pending>();
  readonly #moves = new Moves();
  #pause: EvacuationPause | null = null;
  #silence: { readonly at: number; readonly machines: ReadonlySet<MachineId> } | null = null;
  #confirmed = false;
  #mirror: Mirror | undefined;
  #feed: ClusterFeed | undefined;
  /** Reasons not written yet: planned, or refused by the store. */
  readonly #unwritten = new Map<UnitName, Pending | null>();

  constructor(options: LeaderTermOptions) {
    this.#options = options;
    this.#judge = new MachineJudge(options.judge);
  }

  get pause(): EvacuationPause | null {
    return this.#pause;
  }

  /** An operator says that the missing machines are dead; false when nothing is being held. */
  confirmEvacuation(): boolean {
    if (this.#pause === null) return false;
    this.#confirmed = true;
    this.#wakeup.wake();
    return true;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { registry, clock, logger } = this.#options;
    if ((await registry.readEngineVersion({ signal })) < this.#options.version) await registry.raiseEngineVersion(this.#options.version, this.#options.fence, { signal });
    const mirror = await registry.openMirror({ kind: 'cluster' }, { signal });
    const feed = new ClusterFeed({
      mirror,
      model: this.#model,
      judge: this.#judge,
      requirements: new RequirementsSource(registry),
      settleMs: this.#options.settleMs,
    });
    this.#mirror = mirror;
    this.#feed = feed;
    const unsubscribe = mirror.subscribe((batch) => {
      feed.note(batch, clock.monotonic());
      this.#wakeup.wake();
    });
    feed.start(clock.monotonic());
    // Reasons written by an earlier leader for units that wait no longer are cleared with the first plan.
    for (const unit of mirror.records('pending').keys()) this.#unwritten.set(unit as UnitName, null);
    const ended = new AbortController();
    const upkeep = this.#runUpkeep(AbortSignal.any([signal, ended.signal]));
    try {
      for (let failures = 0; ; ) {
        try {
          const nextAt = await this.#pass(signal);
          failures = 0;
          await this.#waitForWork(nextAt, signal);
        } catch (error) {
          signal.throwIfAborted();
          // With a store that has gone back, what the model has learned of this term's own writes is no longer true.
          if (isFleetError(error, 'LEADERSHIP_LOST') || isFleetError(error, 'REVISION_NOT_REACHED')) throw error;
          failures += 1;
          const delayMs = backoffDelayMs(failures - 1, { initialMs: 100, maxMs: 5000 });
          logger.warn('engine pass failed, will try again', { error: describeError(error), delayMs: Math.round(delayMs) });
          await clock.sleep(delayMs, { signal });
        }
      }
    } finally {
      unsubscribe();
      ended.abort(shutdownReason);
      await upkeep;
    }
  }

  async #waitForWork(nextAt: number | null, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const cancel = nextAt === null ? (): void => undefined : clock.schedule(Math.max(0, nextAt - clock.monotonic()), () => {
      this.#wakeup.wake();
    });
    try {
      await this.#wakeup.wait(signal);
    } finally {
      cancel();
    }
  }

  /** Gather, plan, apply. Returns when to look again without being woken. */
  async #pass(signal: AbortSignal): Promise<number | null> {
    const { clock, observer } = this.#options;
    const feed = this.#feed as ClusterFeed;
    const startedAt = clock.monotonic();
    const judgedAgainAt = this.#judgeMachines(startedAt, await this.#silentMachines(startedAt, signal));
    await feed.feed(startedAt, signal);
    try {
      await this.#planAndApply(signal);
    } catch (error) {
      if (!signal.aborted) observer.onPass?.(clock.monotonic() - startedAt, 'failed');
      throw error;
    }
    this.#judge.forget(clock.monotonic(), (machine) => feed.isReferred(machine));
    observer.onPass?.(clock.monotonic() - startedAt, 'done');
    const release = feed.nextRelease();
    return judgedAgainAt === null ? release : Math.min(judgedAgainAt, release ?? judgedAgainAt);
  }

  /**
   * Machines that have not extended their lease for half of its life, asked for when one is about to be declared dead. Leases end one after the other, so
   * that the first of many would be taken for the only one.
   */
  async #silentMachines(now: number, signal: AbortSignal): Promise<ReadonlySet<MachineId>> {
    const { registry, clock, logger } = this.#options;
    const silent = new Set<MachineId>();
    if (!this.#judge.isAboutToDeclare(now)) return silent;
    // In an incident there are many passes.
    if (this.#silence !== null && now - this.#silence.at < SILENCE_KNOWN_MS) return this.#silence.machines;
    const machines = [...(this.#mirror as Mirror).records('machines').values()];
    try {
      // Evacuation does not wait for long: not to know is to go on.
      const lives = await withDeadline({ ms: SILENCE_DEADLINE_MS, clock, signal, reason: () => new Error('not answered in time') }, (options) =>
        registry.readLeases(machines.flatMap(({ lease }) => lease ?? []), options),
      );
      for (const { id, lease } of machines) {
        const life = lives.get(lease ?? '');
        if (life !== undefined && life.leftMs < life.ttlMs / 2) silent.add(id);
      }
      this.#silence = { at: now, machines: silent };
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('leases of machines could not be read, judging without', { error: describeError(error) });
    }
    return silent;
  }

  #judgeMachines(now: number, silent: ReadonlySet<MachineId>): number | null {
    const { logger, observer } = this.#options;
    const feed = this.#feed as ClusterFeed;
    const dead: MachineId[] = [];
    if (this.#confirmed) {
      this.#confirmed = false;
      dead.push(...this.#judge.confirm(now));
      logger.warn('evacuation confirmed by an operator', { machines: dead });
    }
    const judgement = this.#judge.judge(now, silent);
    dead.push(...judgement.dead);
    for (const machine of dead) {
      logger.info('machine is gone, its units are placed elsewhere', { machine });
      observer.onMachineGone?.(machine);
      feed.touchMachine(machine);
    }
    if (JSON.stringify(judgement.pause) !== JSON.stringify(this.#pause)) {
      if (judgement.pause !== null) {
        logger.error('too many machines vanished at once, evacuation is paused until they return or an operator confirms', { ...judgement.pause });
      } else {
        logger.info('evacuation is no longer paused');
      }
      this.#pause = judgement.pause;
      observer.onEvacuation?.(judgement.pause);
    }
    return judgement.nextAt;
  }

  async #planAndApply(signal: AbortSignal): Promise<void> {
    const { registry, fence, logger, observer } = this.#options;
    const feed = this.#feed as ClusterFeed;
    const mirror = this.#mirror as Mirror;
    const plan = this.#model.plan();
    const planned = planChanges(plan, {
      mirror,
      holders: (unit, except) => feed.holders(unit, except),
      isPresent: (machine) => this.#judge.isPresent(machine),
      lastMove: (unit) => this.#moves.of(unit),
    });
    this.#notePending(plan.pending);
    const placed = new Set(planned.changes.flatMap((change) => (change.kind === 'place' ? [change.unit] : [])));
    const reasons = pendingChanges(this.#unwritten, mirror, placed);
    // Whatever was planned and not written has to be fed to the model again.
    for (const unit of planned.deferred) feed.touchUnit(unit);
    const changes = [...planned.changes, ...reasons];
    const refusedReasons = new Set<UnitName>();
    if (changes.length > 0) {
      let rejected: ReadonlySet<PlacementChange>;
      let revision: number;
      try {
        const outcome = await registry.applyPlacements(changes, fence, { signal });
        rejected = new Set(outcome.rejected);
        revision = outcome.revision;
      } catch (error) {
        for (const step of planned.steps) {
          feed.touchUnit(step.unit);
          observer.onTask?.(taskType(step), 'failed');
        }
        this.#wakeup.wake();
        throw error;
      }
      planned.steps.forEach((step, index) => {
        const refused = rejected.has(planned.changes[index] as PlacementChange);
        observer.onTask?.(taskType(step), refused ? 'failed' : 'done');
        if (refused) return;
        this.#moves.carriedOut(step);
        logger.info(step.kind === 'schedule' ? 'unit scheduled' : 'unit unscheduled', { unit: step.unit, machine: step.machine, reason: step.reason.text });
      });
      for (const change of rejected) feed.touchUnit(change.unit);
      for (const change of reasons) if (rejected.has(change)) refusedReasons.add(change.unit);
      // The next plan must see what this one wrote.
      await mirror.waitForRevision(revision, { signal });
      if (rejected.size > 0) this.#wakeup.wake();
    }
    // The others are written now, or stood there already.
    for (const unit of this.#unwritten.keys()) if (!refusedReasons.has(unit)) this.#unwritten.delete(unit);
    if (planned.deferred.length > 0) this.#wakeup.wake();
  }

  #notePending(pending: ReadonlyMap<UnitName, Pending | null>): void {
    for (const [unit, reason] of pending) {
      this.#unwritten.set(unit, reason);
      if (reason === null) this.#waiting.delete(unit);
      else this.#waiting.set(unit, reason);
    }
    if (pending.size > 0) this.#options.observer.onPending?.(this.#waiting.size);
  }

  async #runUpkeep(signal: AbortSignal): Promise<void> {
    const { registry, fence, clock, logger, upkeepMs } = this.#options;
    for (;;) {
      try {
        await clock.sleep(upkeepMs, { signal });
        const collected = await registry.collectTexts(fence, { signal });
        if (collected > 0) logger.info('unreferenced unit texts collected', { texts: collected });
        const unreadable = (this.#feed as ClusterFeed).unreadable;
        if (unreadable.length > 0) {
          logger.warn('units cannot be read and are left as they are', { units: unreadable.map(({ unit, problem }) => `${unit}: ${problem}`) });
          (this.#feed as ClusterFeed).touchUnreadable();
          this.#wakeup.wake();
        }
        const forgotten = await registry.collectMetadata(fence, { signal });
        if (forgotten > 0) logger.info('metadata of machines that are gone dropped', { machines: forgotten });
        const trimmed = await registry.trimHistory(fence, { signal });
        if (trimmed > 0) logger.info('old history of units dropped', { entries: trimmed });
      } catch (error) {
        if (signal.aborted) return;
        logger.debug('upkeep failed', { error: describeError(error) });
      }
    }
  }
}

function taskType(step: Step): 'AttemptScheduleUnit' | 'UnscheduleUnit' {
  return step.kind === 'schedule' ? 'AttemptScheduleUnit' : 'UnscheduleUnit';
}
