import type { UnitHash, UnitName } from '@fleet/model';
import { describeError, FleetError, isFleetError, type Clock, type Limiter, type Logger } from '@fleet/runtime';
import type { CurrentUnit } from '@fleet/scheduler';
import type { LocalUnitState, UnitJob, UnitManager } from '@fleet/systemd';
import type { Asked, RuntimeMemory } from './runtime-memory.ts';

export interface LocalUnitContext {
  readonly manager: Pick<UnitManager, 'load' | 'unload' | 'start' | 'stop' | 'readStates'>;
  readonly memory: Pick<RuntimeMemory, 'saveAsked'>;
  readonly readText: (hash: UnitHash, signal: AbortSignal) => Promise<string>;
  readonly reload: () => Promise<void>;
  readonly limit: Limiter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How long a unit may take to stop before that is reported; it is waited for all the same. */
  readonly stopDeadlineMs: number;
  /** Asks for the unit's state to be read soon. */
  readonly refreshState: (unit: UnitName) => void;
}

const DEAD: LocalUnitState = { load: 'not-found', active: 'inactive', sub: 'dead' };
const LOADED: LocalUnitState = { load: 'loaded', active: 'inactive', sub: 'dead' };

/** What is here of one unit, and how it is changed. Knows nothing of what is wanted, nor of trying again. */
export class LocalUnit {
  readonly name: UnitName;
  readonly #context: LocalUnitContext;
  /** Told of what becomes known of the unit beside the outcome of a call: it takes long to stop, or its start has failed. */
  readonly #onNews: (stillStopping: string | undefined) => void;
  #file: string | null = null;
  #lastFile: string | null = null;
  #asked: Asked | null;
  #state: LocalUnitState = DEAD;
  #jobReason: string | undefined;

  constructor(name: UnitName, context: LocalUnitContext, asked: Asked | null, onNews: (stillStopping: string | undefined) => void) {
    this.name = name;
    this.#context = context;
    this.#asked = asked;
    this.#onNews = onNews;
  }

  /** Hash of its file on the disk; null for none. */
  get file(): string | null {
    return this.#file;
  }

  /** What systemd was asked for last; null for nothing. */
  get asked(): Asked | null {
    return this.#asked;
  }

  get state(): LocalUnitState {
    return this.#state;
  }

  /** Whether anything of it is here. */
  get present(): boolean {
    return this.#file !== null || this.#asked !== null;
  }

  /** Why it is not well, by systemd's word. */
  get failure(): string | undefined {
    return failureOf(this.#state) ?? this.#jobReason;
  }

  /** The file as found on the disk; whether that is news. */
  found(hash: string | null): boolean {
    if (this.#file === hash) return false;
    this.#file = hash;
    if (hash !== null) this.#lastFile ??= hash;
    return true;
  }

  setState(state: LocalUnitState): void {
    this.#state = state;
    if (state.active === 'active') this.#jobReason = undefined;
  }

  /** As the planner sees it, who was told of the file that is wanted; null for none. */
  current(wanted: string | null): CurrentUnit | undefined {
    if (this.#file === null && this.#asked === null) return undefined;
    // A file that is gone is only put back under what runs when that is known to run by it.
    if (this.#file === null && wanted !== null && (this.#asked === 'loaded' || this.#lastFile === wanted)) return undefined;
    return { name: this.name, state: this.#asked ?? 'inactive', hash: this.#file ?? '' };
  }

  /**
   * Without a memory of what was asked, a unit that runs or has run counts as started: starting it again would run a
   * finished one twice.
   */
  async adopt(): Promise<void> {
    const state = (await this.#context.manager.readStates([this.name], { signal: this.#context.signal })).get(this.name);
    if (state === undefined) return;
    this.#state = state;
    if (isRunning(state) || state.active === 'failed') await this.#remember('launched');
  }

  async load(hash: UnitHash): Promise<void> {
    const { limit, signal, manager, readText } = this.#context;
    const text = await readText(hash, signal);
    await limit(() => manager.load(this.name, text, { signal }), signal);
    // A file that was only removed by hand is put back; what runs is not touched, and what has finished not run again.
    const putBack = this.#file === null && this.#asked !== null && this.#lastFile === hash;
    this.#file = hash;
    this.#lastFile = hash;
    if (!putBack) await this.#remember('loaded');
    if (this.#state.load === 'not-found') this.#state = LOADED;
  }

  /** Resolves when systemd has taken the start; how that ends is news. */
  async start(): Promise<void> {
    const { limit, signal, manager, reload } = this.#context;
    await reload();
    const job = await limit(() => manager.start(this.name, { signal }), signal);
    this.#jobReason = undefined;
    await this.#remember('launched');
    void this.#watchStart(job);
  }

  async stop(): Promise<void> {
    const { limit, signal, manager, refreshState } = this.#context;
    const job = await limit(() => manager.stop(this.name, { signal }), signal);
    this.#jobReason = undefined;
    await this.#remember('loaded');
    this.#onNews(undefined);
    try {
      await this.#stopped(job);
    } catch (error) {
      if (isRunningOn(error)) await this.#remember('launched');
      throw error;
    }
    refreshState(this.name);
  }

  async unload(): Promise<void> {
    const { limit, signal, manager, reload } = this.#context;
    let noted: Promise<void> | undefined;
    try {
      const job = await limit(() => manager.stop(this.name, { signal }), signal);
      // Should fleetd be killed meanwhile: what was being put away has to be started when the next one finds it wanted again.
      if (this.#asked === 'launched') noted = this.#save('loaded');
      await Promise.all([this.#stopped(job), noted]);
    } catch (error) {
      // A stop that is refused matters only while there is something to stop.
      if (!isFleetError(error, 'UNIT_REFUSED') || isRunning(await this.#readState())) {
        if (noted !== undefined && !signal.aborted) await this.#remember(isRunningOn(error) ? 'launched' : 'loaded');
        throw error;
      }
    }
    await limit(() => manager.unload(this.name, { signal }), signal);
    this.#file = null;
    this.#lastFile = null;
    this.#jobReason = undefined;
    this.#state = DEAD;
    await this.#remember(null);
    await reload();
  }

  /** A start that systemd took and that then failed is the unit's own affair; only why is published. */
  async #watchStart(job: UnitJob): Promise<void> {
    const result = await job.result;
    if (this.#context.signal.aborted || this.#asked !== 'launched') return;
    if (result === 'failed' || result === 'timeout' || result === 'dependency') this.#jobReason = `start ended with ${result}`;
    this.#context.refreshState(this.name);
    this.#onNews(undefined);
  }

  /** Waits for the end of a stop, so that what the unit does on stopping is done before its file goes. */
  async #stopped(job: UnitJob): Promise<void> {
    const { clock, stopDeadlineMs, signal } = this.#context;
    for (;;) {
      const result = await within(job.result, stopDeadlineMs, clock, signal);
      if (result === 'done') return;
      // Its end may have gone unheard.
      if (!isRunning(await this.#readState())) return;
      if (result !== 'late') throw new FleetError(`unit ${this.name} did not stop: systemd says ${result}`, { code: 'UNIT_STOP_FAILED', kind: 'unavailable' });
      this.#onNews(`still stopping after ${Math.round(stopDeadlineMs / 1000)} s`);
    }
  }

  async #readState(): Promise<LocalUnitState> {
    const states = await this.#context.manager.readStates([this.name], { signal: this.#context.signal });
    return (this.#state = states.get(this.name) ?? DEAD);
  }

  async #remember(asked: Asked | null): Promise<void> {
    this.#asked = asked;
    await this.#save(asked);
  }

  async #save(asked: Asked | null): Promise<void> {
    try {
      await this.#context.memory.saveAsked(this.name, asked);
    } catch (error) {
      // It only matters if this process is killed before the next change; failing the task over it would be worse.
      this.#context.logger.warn('what was asked of systemd could not be remembered', { unit: this.name, error: describeError(error) });
    }
  }
}

/** Whether stopping it would mean anything. */
function isRunning(state: LocalUnitState): boolean {
  return ['active', 'activating', 'reloading', 'deactivating', 'refreshing', 'maintenance'].includes(state.active);
}

/**
 * Whether a unit is known to run although systemd took its stop, as when a start has overtaken that: there is still something to
 * stop. A stop of which nothing more is heard ends by itself, and the unit has to be started when it is wanted again.
 */
function isRunningOn(error: unknown): boolean {
  return isFleetError(error, 'UNIT_STOP_FAILED');
}

/** systemd's own word for why a unit failed. */
function failureOf({ active, result, exit }: LocalUnitState): string | undefined {
  if (active !== 'failed' || result === undefined || result === '' || result === 'success') return undefined;
  return `failed with result ${result}${exit === undefined ? '' : `: main process ${exit}`}`;
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
