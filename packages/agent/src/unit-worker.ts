import type { UnitHash, UnitName } from '@fleet/model';
import { backoffDelayMs, describeError, FleetError, isFleetError, type Clock, type Limiter, type Logger } from '@fleet/runtime';
import { planUnitTasks, type AgentTask, type CurrentUnit } from '@fleet/scheduler';
import type { LocalUnitState, UnitJob, UnitManager } from '@fleet/systemd';
import type { Asked, RuntimeMemory } from './runtime-memory.ts';
import type { UnitReport } from './state-publisher.ts';
import type { WantedUnit } from './wanted-units.ts';

/** What the workers of one machine share. */
export interface WorkerContext {
  readonly manager: Pick<UnitManager, 'load' | 'unload' | 'start' | 'stop' | 'readStates'>;
  readonly memory: Pick<RuntimeMemory, 'saveAsked'>;
  readonly readText: (hash: UnitHash, signal: AbortSignal) => Promise<string>;
  readonly reload: () => Promise<void>;
  readonly limit: Limiter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How long a unit may take to stop before that is reported as its reason; it is waited for all the same. */
  readonly stopDeadlineMs: number;
  /** False while nothing may be touched. */
  readonly mayAct: () => boolean;
  /** Name of a unit that is leaving and may not run beside this one. */
  readonly blockerOf: (worker: UnitWorker) => string | undefined;
  /** Nothing of the unit is left here and nothing is wanted. */
  readonly onGone: (worker: UnitWorker) => void;
  /** Asks for the unit's state to be read soon. */
  readonly refreshState: (unit: UnitName) => void;
  readonly publish: (unit: UnitName, report: UnitReport | null) => void;
  readonly onTask: (kind: AgentTask['kind'], outcome: 'done' | 'failed') => void;
}

const RETRY = { initialMs: 500, maxMs: 60_000 };
const DEAD: LocalUnitState = { load: 'not-found', active: 'inactive', sub: 'dead' };

/**
 * Brings one unit of this machine to what is wanted, one task after the other, and tries again with growing delays.
 * Workers of different units know nothing of each other, so a unit that systemd refuses holds up nobody.
 */
export class UnitWorker {
  readonly name: UnitName;
  readonly #context: WorkerContext;
  #wanted: WantedUnit | null = null;
  #lastWanted: WantedUnit | null = null;
  #file: string | null = null;
  #lastFile: string | null = null;
  #asked: Asked | null;
  #state: LocalUnitState = DEAD;
  #generation = 0;
  #reason: string | undefined;
  #jobReason: string | undefined;
  #systemdAway: string | undefined;
  #outside: string | undefined;
  #blockedBy: string | undefined;
  #busy = false;
  #changed = false;
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
    this.#asked = asked;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** What is or was wanted last; tells what the unit may not run beside. */
  get lastWanted(): WantedUnit | null {
    return this.#lastWanted;
  }

  /** Present here and to be put away. */
  get leaving(): boolean {
    return !this.#frozen && this.#wanted === null && (this.#file !== null || this.#asked !== null);
  }

  /** The unit that has to leave before this one may come. */
  get blockedBy(): string | undefined {
    return this.#blockedBy;
  }

  get asked(): Asked | null {
    return this.#asked;
  }

  get state(): LocalUnitState {
    return this.#state;
  }

  /** What is wanted now; null for nothing. */
  want(wanted: WantedUnit | null): void {
    const same = !this.#frozen && !this.#letBe && this.#outside === undefined && sameWish(this.#wanted, wanted);
    this.#frozen = false;
    this.#outside = undefined;
    this.#wanted = wanted;
    if (wanted !== null) this.#lastWanted = wanted;
    if (!same) this.kick();
  }

  /** Nothing can be concluded about the unit: it is left as it is, and why is published. */
  freeze(problem: string): void {
    if (this.#outside === problem) return;
    this.#frozen = true;
    this.#outside = problem;
    this.#publish();
  }

  /** What is on the disk now, as read while nothing was being done to the unit. */
  setFile(hash: string | null): void {
    if (this.#busy || this.#file === hash) return;
    this.#file = hash;
    if (hash !== null) this.#lastFile ??= hash;
    this.kick();
  }

  setState(state: LocalUnitState): void {
    this.#state = state;
    if (state.active === 'active') this.#jobReason = undefined;
    if (!this.#frozen || this.#outside !== undefined) this.#publish();
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
    else if (this.#mayWork() && this.#wanted === null && this.#file === null && this.#asked === null) {
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
    await this.#adopt(wanted);
    const task = planUnitTasks(this.name, wanted ?? undefined, this.#current(wanted))[0];
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
    await this.#perform(task, wanted);
    this.#context.onTask(task.kind, 'done');
    return true;
  }

  #current(wanted: WantedUnit | null): CurrentUnit | undefined {
    if (this.#file === null && (wanted !== null || this.#asked === null)) return undefined;
    return { name: this.name, state: this.#asked ?? 'inactive', hash: this.#file ?? '' };
  }

  /**
   * Without a memory of what was asked, a unit that runs or has run counts as started: starting it again would run a
   * finished one twice.
   */
  async #adopt(wanted: WantedUnit | null): Promise<void> {
    if (wanted?.targetState !== 'launched' || this.#asked !== null || this.#file !== wanted.hash) return;
    const state = (await this.#context.manager.readStates([this.name], { signal: this.#context.signal })).get(this.name);
    if (state === undefined) return;
    this.#state = state;
    if (isRunning(state) || state.active === 'failed') await this.#remember('launched');
  }

  async #perform(task: AgentTask, wanted: WantedUnit | null): Promise<void> {
    switch (task.kind) {
      case 'unload':
        await this.#unload();
        return;
      case 'load':
        if (wanted !== null) await this.#load(wanted);
        return;
      case 'start':
        await this.#start();
        return;
      case 'stop':
        await this.#stop();
        return;
      case 'reload':
        await this.#context.reload();
        return;
      default:
        task satisfies never;
    }
  }

  async #load(wanted: WantedUnit): Promise<void> {
    const { limit, signal, manager, readText } = this.#context;
    const text = await readText(wanted.hash, signal);
    await limit(() => manager.load(this.name, text, { signal }), signal);
    // A file that was only removed by hand is put back; what runs is not touched, and what has finished not run again.
    const putBack = this.#file === null && this.#asked !== null && this.#lastFile === wanted.hash;
    this.#file = wanted.hash;
    this.#lastFile = wanted.hash;
    if (!putBack) await this.#remember('loaded');
    if (this.#state.load === 'not-found') this.#state = { load: 'loaded', active: 'inactive', sub: 'dead' };
  }

  async #start(): Promise<void> {
    const { limit, signal, manager, reload } = this.#context;
    await reload();
    const job = await limit(() => manager.start(this.name, { signal }), signal);
    this.#jobReason = undefined;
    this.#reason = undefined;
    if (this.#wanted?.targetState === 'launched') this.#generation = this.#wanted.generation;
    await this.#remember('launched');
    this.#publish();
    void this.#watchStart(job);
  }

  /** A start that systemd took and that then failed is the unit's own affair; only why is published. */
  async #watchStart(job: UnitJob): Promise<void> {
    const result = await job.result;
    if (this.#context.signal.aborted || this.#asked !== 'launched') return;
    if (result === 'failed' || result === 'timeout' || result === 'dependency') this.#jobReason = `start ended with ${result}`;
    this.#context.refreshState(this.name);
    this.#publish();
  }

  async #stop(): Promise<void> {
    const { limit, signal, manager } = this.#context;
    const job = await limit(() => manager.stop(this.name, { signal }), signal);
    this.#jobReason = undefined;
    await this.#remember('loaded');
    this.#publish();
    await this.#stopped(job);
    this.#context.refreshState(this.name);
  }

  async #unload(): Promise<void> {
    const { limit, signal, manager, reload } = this.#context;
    try {
      const job = await limit(() => manager.stop(this.name, { signal }), signal);
      await this.#stopped(job);
    } catch (error) {
      // A stop that is refused matters only while there is something to stop.
      if (!isFleetError(error, 'UNIT_REFUSED') || isRunning(await this.#readState())) throw error;
    }
    await limit(() => manager.unload(this.name, { signal }), signal);
    this.#file = null;
    this.#lastFile = null;
    this.#jobReason = undefined;
    this.#state = DEAD;
    await this.#remember(null);
    await reload();
  }

  /** Waits for the end of a stop, so that what the unit does on stopping is done before its file goes. */
  async #stopped(job: UnitJob): Promise<void> {
    const { clock, stopDeadlineMs } = this.#context;
    for (;;) {
      const result = await within(job.result, stopDeadlineMs, clock, this.#context.signal);
      if (result === 'late') {
        // Its end may have gone unheard.
        if (!isRunning(await this.#readState())) return;
        this.#reason = `still stopping after ${Math.round(stopDeadlineMs / 1000)} s`;
        this.#publish();
        continue;
      }
      if (result === 'done') return;
      if (isRunning(await this.#readState())) {
        throw new FleetError(`unit ${this.name} did not stop: systemd says ${result}`, { code: 'UNIT_STOP_FAILED', kind: 'unavailable' });
      }
      return;
    }
  }

  async #readState(): Promise<LocalUnitState> {
    const states = await this.#context.manager.readStates([this.name], { signal: this.#context.signal });
    return (this.#state = states.get(this.name) ?? DEAD);
  }

  async #remember(asked: Asked | null): Promise<void> {
    this.#asked = asked;
    try {
      await this.#context.memory.saveAsked(this.name, asked);
    } catch (error) {
      // It only matters if this process is killed before the next change; failing the task over it would be worse.
      this.#context.logger.warn('what was asked of systemd could not be remembered', { unit: this.name, error: describeError(error) });
    }
  }

  #failed(error: unknown): void {
    const { clock, logger, onTask } = this.#context;
    this.#reason = describeError(error);
    const delayMs = backoffDelayMs(this.#failures, RETRY);
    this.#failures += 1;
    if (this.#task !== undefined) onTask(this.#task, 'failed');
    logger.warn('unit task failed, will try again', { unit: this.name, error: this.#reason, delayMs: Math.round(delayMs) });
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
    const hash = this.#file ?? this.#wanted?.hash ?? null;
    if (hash === null) {
      if (this.#asked === null) publish(this.name, null);
      return;
    }
    const reason = this.#outside ?? this.#reason ?? this.#systemdAway ?? failureOf(this.#state) ?? this.#jobReason;
    publish(this.name, {
      load: this.#state.load,
      active: this.#state.active,
      sub: this.#state.sub,
      hash: hash as UnitHash,
      asked: this.#asked ?? 'loaded',
      generation: this.#generation,
      ...(reason === undefined ? {} : { reason }),
    });
  }
}

/** Whether stopping it would mean anything. */
export function isRunning(state: LocalUnitState): boolean {
  return ['active', 'activating', 'reloading', 'deactivating', 'refreshing', 'maintenance'].includes(state.active);
}

/** systemd's own word for why a unit failed. */
function failureOf({ active, result, exit }: LocalUnitState): string | undefined {
  if (active !== 'failed' || result === undefined || result === '' || result === 'success') return undefined;
  return `failed with result ${result}${exit === undefined ? '' : `: main process ${exit}`}`;
}

function sameWish(a: WantedUnit | null, b: WantedUnit | null): boolean {
  return a === b || (a !== null && b !== null && a.hash === b.hash && a.targetState === b.targetState && a.generation === b.generation);
}

/** What `work` gives, or `late` after the deadline. Rejects with the signal's reason. */
async function within<T>(work: Promise<T>, deadlineMs: number, clock: Clock, signal: AbortSignal): Promise<T | 'late'> {
  let cancel = (): void => undefined;
  let unlisten = (): void => undefined;
  const late = new Promise<'late'>((resolve, reject) => {
    cancel = clock.schedule(deadlineMs, () => {
      resolve('late');
    });
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    unlisten = () => {
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
    unlisten();
  }
}
