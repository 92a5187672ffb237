import type { UnitHash, UnitName } from '@fleet/model';
import { backoffDelayMs, describeError } from '@fleet/runtime';
import { planUnitTasks, type AgentTask } from '@fleet/scheduler';
import type { LocalUnitState } from '@fleet/systemd';
import type { Requirements } from '@fleet/unit-parser';
import { LocalUnit, type LocalUnitContext } from './local-unit.ts';
import type { Asked } from './runtime-memory.ts';
import type { UnitReport } from './state-publisher.ts';
import type { UnreadableUnit, WantedUnit } from './wanted-units.ts';

/** What the workers of one machine share. */
export interface WorkerContext extends LocalUnitContext {
  /** False while nothing may be touched. */
  readonly mayAct: () => boolean;
  /** Name of a unit that is leaving and may not run beside this one. */
  readonly blockerOf: (worker: UnitWorker) => string | undefined;
  /** Nothing of the unit is left here and nothing is wanted. */
  readonly onGone: (worker: UnitWorker) => void;
  readonly publish: (unit: UnitName, report: UnitReport | null) => void;
  readonly onTask: (kind: AgentTask['kind'], outcome: 'done' | 'failed') => void;
}

const RETRY = { initialMs: 500, maxMs: 60_000 };
/** So often in a row a failure is worth a line in the log. */
const LOUD_FAILURES = 10;
/** What should not be here keeps its name from others: it is not left for long. */
const RETRY_LEAVING = { initialMs: 500, maxMs: 5_000 };

/**
 * Brings one unit of this machine to what is wanted, one task after the other, and tries again with growing delays.
 * Workers of different units know nothing of each other, so a unit that systemd refuses holds up nobody.
 */
export class UnitWorker {
  readonly name: UnitName;
  readonly #context: WorkerContext;
  readonly #unit: LocalUnit;
  #wanted: WantedUnit | null = null;
  #lastWanted: WantedUnit | null = null;
  /** By the file that was found here. */
  #found: Requirements | undefined;
  #generation = 0;
  #reason: string | undefined;
  #systemdAway: string | undefined;
  /** Why nothing is known of what is wanted, although something is. */
  #unread: UnreadableUnit | undefined;
  #blockedBy: string | undefined;
  #busy = false;
  #changed = false;
  #changes = 0;
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  #task: AgentTask['kind'] | undefined;
  /** What the task at hand is done for; its failure is the answer to that wish, not to a later one. */
  #tried: WantedUnit | null = null;
  /** Whether nothing is known of what is wanted. */
  #frozen = true;
  /** Whether something was left undone because nothing could be concluded. */
  #letBe = false;

  constructor(name: UnitName, context: WorkerContext, asked: Asked | null) {
    this.name = name;
    this.#context = context;
    this.#unit = new LocalUnit(name, context, asked, (stillStopping) => {
      if (stillStopping !== undefined) this.#reason = stillStopping;
      this.#publish();
    });
  }

  /** What is or was wanted last. */
  get lastWanted(): WantedUnit | null {
    return this.#lastWanted;
  }

  /** What the unit asks for, which tells what it may not run beside; undefined when that is not known. */
  get requirements(): Requirements | undefined {
    return this.#lastWanted?.requirements ?? this.#found;
  }

  /** Present here and to be put away. */
  get leaving(): boolean {
    return !this.#frozen && this.#wanted === null && this.#unit.present;
  }

  /** The unit that has to leave before this one may come. */
  get blockedBy(): string | undefined {
    return this.#blockedBy;
  }

  get asked(): Asked | null {
    return this.#unit.asked;
  }

  get state(): LocalUnitState {
    return this.#unit.state;
  }

  /** Grows as a task begins and as it ends: tells whether what was read about the unit has been overtaken. */
  get changes(): number {
    return this.#changes;
  }

  /** What is wanted now; null for nothing. */
  want(wanted: WantedUnit | null): void {
    const same = !this.#frozen && !this.#letBe && this.#unread === undefined && sameWish(this.#wanted, wanted);
    this.#frozen = false;
    this.#unread = undefined;
    this.#wanted = wanted;
    if (wanted !== null) this.#lastWanted = wanted;
    if (!same) this.kick();
  }

  /** Nothing can be concluded about the unit: it is left as it is, and why is published. */
  freeze(unread: UnreadableUnit): void {
    const known = this.#unread;
    if (known?.hash === unread.hash && known.generation === unread.generation && known.problem === unread.problem) return;
    this.#frozen = true;
    this.#unread = unread;
    this.#publish();
  }

  /**
   * What is on the disk, and for a file nobody here has put there what it asks for; the caller makes sure that it has not
   * been overtaken since it was read, see {@link changes}.
   */
  setFile(hash: string | null, requirements?: Requirements): void {
    this.#found ??= requirements;
    if (!this.#busy && this.#unit.found(hash)) this.kick();
  }

  setState(state: LocalUnitState): void {
    this.#unit.setState(state);
    if (!this.#frozen || this.#unread !== undefined) this.#publish();
  }

  /** Whether systemd's word for the unit is only the last known one. */
  setSystemdAway(away: boolean): void {
    const reason = away ? 'systemd cannot be reached, this is the last known state' : undefined;
    if (reason === this.#systemdAway) return;
    this.#systemdAway = reason;
    if (!this.#frozen) this.#publish();
  }

  /** Looks again at once, whatever failed before. */
  kick(): void {
    this.#failures = 0;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#changed = true;
    if (!this.#busy) queueMicrotask(() => void this.#run());
  }

  close(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#mayWork() && (await this.#tryStep()));
      this.#letBe = !this.#mayWork();
    } finally {
      this.#busy = false;
    }
    // A kick between the last look and the end of the loop has found the worker busy.
    if (this.#changed && this.#mayWork()) queueMicrotask(() => void this.#run());
    else if (this.#mayWork() && this.#wanted === null && !this.#unit.present) {
      this.#publish();
      this.#context.onGone(this);
    }
  }

  #mayWork(): boolean {
    return !this.#context.signal.aborted && !this.#frozen && this.#context.mayAct();
  }

  /** Whether to go on at once. */
  async #tryStep(): Promise<boolean> {
    this.#changed = false;
    try {
      if (!(await this.#step())) return false;
      this.#failures = 0;
      return true;
    } catch (error) {
      if (this.#context.signal.aborted) return false;
      this.#failed(error);
      return this.#changed;
    }
  }

  /** Does the next task; false when there is none, or none can be done now. */
  async #step(): Promise<boolean> {
    this.#task = undefined;
    this.#blockedBy = undefined;
    const wanted = this.#wanted;
    this.#tried = wanted;
    if (wanted?.targetState === 'launched' && this.#unit.asked === null && this.#unit.file === wanted.hash) await this.#unit.adopt();
    const task = planUnitTasks(this.name, wanted ?? undefined, this.#unit.current(wanted?.hash ?? null))[0];
    if (task === undefined) {
      this.#reason = undefined;
      if (wanted !== null) this.#generation = wanted.generation;
      this.#publish();
      return this.#changed;
    }
    if (task.kind === 'load' || task.kind === 'start') {
      this.#blockedBy = this.#context.blockerOf(this);
      if (this.#blockedBy !== undefined) {
        this.#reason = `waits for ${this.#blockedBy}, which it conflicts with, to stop`;
        this.#answerTried();
        return this.#changed;
      }
    }
    this.#task = task.kind;
    this.#context.logger.debug('unit task', { unit: this.name, task: task.kind, reason: task.reason });
    this.#changes += 1;
    try {
      await this.#perform(task, wanted);
    } finally {
      this.#changes += 1;
    }
    this.#context.onTask(task.kind, 'done');
    return true;
  }

  async #perform(task: AgentTask, wanted: WantedUnit | null): Promise<void> {
    switch (task.kind) {
      case 'unload':
        await this.#unit.unload();
        return;
      case 'load':
        if (wanted !== null) await this.#unit.load(wanted.hash);
        return;
      case 'start':
        await this.#unit.start();
        this.#reason = undefined;
        if (this.#wanted?.targetState === 'launched') this.#generation = this.#wanted.generation;
        this.#publish();
        return;
      case 'stop':
        await this.#unit.stop();
        return;
      case 'reload':
        await this.#context.reload();
        return;
      default:
        task satisfies never;
    }
  }

  #failed(error: unknown): void {
    const { clock, logger, onTask } = this.#context;
    this.#reason = describeError(error);
    const delayMs = backoffDelayMs(this.#failures, this.#wanted === null ? RETRY_LEAVING : RETRY);
    this.#failures += 1;
    if (this.#task !== undefined) onTask(this.#task, 'failed');
    // A refusal that lasts is published; people need not read it every few seconds.
    logger[this.#failures <= LOUD_FAILURES ? 'warn' : 'debug']('unit task failed, will try again', { unit: this.name, error: this.#reason, delayMs: Math.round(delayMs) });
    this.#answerTried();
    this.#cancelRetry?.();
    this.#cancelRetry = clock.schedule(delayMs, () => {
      this.#cancelRetry = undefined;
      void this.#run();
    });
  }

  /** Publishes the reason as the answer to what was tried, so that whoever asked for it need not wait in the dark. */
  #answerTried(): void {
    if (this.#tried !== null) this.#generation = this.#tried.generation;
    this.#publish();
  }

  #publish(): void {
    const { publish } = this.#context;
    const { file, asked, state } = this.#unit;
    const hash = file ?? this.#unread?.hash ?? this.#wanted?.hash ?? null;
    if (hash === null) {
      if (asked === null) publish(this.name, null);
      return;
    }
    const reason = this.#unread?.problem ?? this.#reason ?? this.#systemdAway ?? this.#unit.failure;
    publish(this.name, {
      load: state.load,
      active: state.active,
      sub: state.sub,
      hash: hash as UnitHash,
      asked: asked ?? 'loaded',
      // Why nothing can be done is the answer to the newest wish.
      generation: this.#unread?.generation ?? this.#generation,
      ...(reason === undefined ? {} : { reason }),
    });
  }
}

function sameWish(a: WantedUnit | null, b: WantedUnit | null): boolean {
  return a === b || (a !== null && b !== null && a.hash === b.hash && a.targetState === b.targetState && a.generation === b.generation);
}
