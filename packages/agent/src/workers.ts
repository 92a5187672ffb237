import type { UnitHash, UnitName } from '@fleet/model';
import { createLimiter, Wakeup, type Clock, type Logger } from '@fleet/runtime';
import { inConflict, type AgentTask, type SchedulerUnit } from '@fleet/scheduler';
import type { LocalUnitState, UnitManager } from '@fleet/systemd';
import { parseUnitFile, readRequirements, type Requirements } from '@fleet/unit-parser';
import { ReloadGate } from './reload-gate.ts';
import type { Asked, RuntimeMemory } from './runtime-memory.ts';
import type { UnitReport } from './state-publisher.ts';
import { UnitWorker, type WorkerContext } from './unit-worker.ts';
import type { WantedUnit, WantedUnits } from './wanted-units.ts';

export interface UnitWorkersOptions {
  readonly manager: UnitManager;
  readonly memory: RuntimeMemory;
  readonly readText: (hash: UnitHash, signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly stopDeadlineMs: number;
  readonly mayAct: () => boolean;
  readonly publish: (unit: UnitName, report: UnitReport | null) => void;
  readonly onTask: (kind: AgentTask['kind'], outcome: 'done' | 'failed') => void;
  /** How many units there are now. */
  readonly onSize: (size: number) => void;
}

/** How many units are worked on at a time; waiting for a unit to stop does not count. */
const MOST_TASKS = 32;
const NO_REQUIREMENTS: Requirements = { machineId: null, machineOf: [], conflicts: [], replaces: [], metadata: new Map(), global: false };

/** One worker for each unit that is here or wanted here. */
export class UnitWorkers {
  readonly #options: UnitWorkersOptions;
  readonly #workers = new Map<UnitName, UnitWorker>();
  readonly #context: WorkerContext;
  readonly #stale = new Set<UnitName>();
  readonly #refresh = new Wakeup();
  #emptied: (() => void) | undefined;

  constructor(options: UnitWorkersOptions) {
    this.#options = options;
    const gate = new ReloadGate(() => options.manager.reloadIfNeeded({ signal: options.signal }));
    this.#context = {
      ...options,
      limit: createLimiter(MOST_TASKS),
      reload: () => gate.request(),
      blockerOf: (worker) => this.#blockerOf(worker),
      onGone: (worker) => {
        this.#remove(worker);
      },
      refreshState: (unit) => {
        this.#stale.add(unit);
        this.#refresh.wake();
      },
    };
  }

  get size(): number {
    return this.#workers.size;
  }

  names(): readonly UnitName[] {
    return [...this.#workers.keys()];
  }

  all(): Iterable<UnitWorker> {
    return this.#workers.values();
  }

  /** Takes in what lies in the units directory. Workers that were at work since the listing began are left alone: they know better. */
  async readFiles(unwantedByDefault: boolean, signal: AbortSignal): Promise<void> {
    const before = new Map([...this.#workers].map(([name, worker]) => [name, worker.changes]));
    const listed = new Map((await this.#options.manager.listFiles({ signal })).map(({ name, hash }) => [name as UnitName, hash]));
    for (const [name, worker] of this.#workers) if (worker.changes === before.get(name)) worker.setFile(listed.get(name) ?? null);
    const unknown = [...listed].filter(([name]) => !before.has(name));
    const found = await Promise.all(unknown.map(async ([name, hash]) => ({ name, hash, requirements: await this.#readRequirements(name, signal) })));
    for (const { name, hash, requirements } of found) {
      if (this.#workers.has(name)) continue;
      const worker = this.#add(name);
      worker.setFile(hash, requirements);
      if (unwantedByDefault) worker.want(null);
    }
  }

  setState(name: string, state: LocalUnitState): void {
    this.#workers.get(name as UnitName)?.setState(state);
  }

  /** What the machine has to hold, all of it. */
  want({ wanted, unreadable }: WantedUnits): void {
    const byName = new Map(wanted.map((unit) => [unit.name, unit]));
    const frozen = new Map(unreadable.map((unit) => [unit.name, unit]));
    for (const name of new Set([...this.#workers.keys(), ...byName.keys(), ...frozen.keys()])) {
      const worker = this.#workers.get(name) ?? this.#add(name);
      const unread = frozen.get(name);
      if (unread !== undefined) worker.freeze(unread);
      else worker.want(byName.get(name) ?? null);
    }
    // What stood in their way may be wanted again, or no longer be in their way.
    for (const worker of this.#workers.values()) if (worker.blockedBy !== undefined) worker.kick();
  }

  /** Whether what systemd says of the units is only the last known. */
  setSystemdAway(away: boolean): void {
    for (const worker of this.#workers.values()) worker.setSystemdAway(away);
  }

  /** Everybody looks again at once. */
  kickAll(): void {
    for (const worker of this.#workers.values()) worker.kick();
  }

  /** Puts every unit away. Resolves when none is left; rejects with the signal's reason. */
  async drain(signal: AbortSignal): Promise<void> {
    for (const worker of [...this.#workers.values()]) {
      worker.want(null);
      worker.kick();
    }
    if (this.#workers.size === 0) return;
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#emptied = undefined;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#emptied = () => {
        signal.removeEventListener('abort', onAbort);
        this.#emptied = undefined;
        resolve();
      };
      if (signal.aborted) onAbort();
    });
  }

  /** Reads the states of units whose state may have changed without a word. Works until the signal aborts. */
  async runRefresh(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#refresh.wait(signal);
      await this.#options.clock.sleep(2, { signal });
      const names = [...this.#stale];
      this.#stale.clear();
      await this.readStates(names, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        this.#options.logger.debug('states were not read', { error: error instanceof Error ? error.message : String(error) });
      });
    }
  }

  async readStates(names: readonly string[], signal: AbortSignal): Promise<void> {
    if (names.length === 0) return;
    for (const [name, state] of await this.#options.manager.readStates(names, { signal })) this.setState(name, state);
  }

  close(): void {
    for (const worker of this.#workers.values()) worker.close();
  }

  /** What a file that is here asks for: no longer wanted, it still may not run beside what it excludes. */
  async #readRequirements(name: UnitName, signal: AbortSignal): Promise<Requirements | undefined> {
    const text = await this.#context.limit(() => this.#options.manager.readFile(name, { signal }), signal);
    const parsed = text === undefined ? undefined : parseUnitFile(text);
    return parsed?.ok === true ? readRequirements(parsed.options, name) : undefined;
  }

  #add(name: UnitName): UnitWorker {
    const asked: Asked | null = this.#options.memory.asked.get(name) ?? null;
    const worker = new UnitWorker(name, this.#context, asked);
    this.#workers.set(name, worker);
    this.#options.onSize(this.#workers.size);
    return worker;
  }

  #remove(worker: UnitWorker): void {
    if (this.#workers.get(worker.name) !== worker) return;
    worker.close();
    this.#workers.delete(worker.name);
    this.#options.onSize(this.#workers.size);
    // Units that waited for this one to go have their turn.
    for (const other of this.#workers.values()) if (other.blockedBy === worker.name) other.kick();
    if (this.#workers.size === 0) this.#emptied?.();
  }

  #blockerOf(worker: UnitWorker): string | undefined {
    const unit = worker.lastWanted;
    if (unit === null) return undefined;
    for (const other of this.#workers.values()) {
      if (other === worker || !other.leaving) continue;
      if (inConflict(asLaunched(unit), asLaunched({ name: other.name, requirements: other.requirements ?? NO_REQUIREMENTS }))) return other.name;
    }
    return undefined;
  }
}

function asLaunched(unit: Pick<WantedUnit, 'name' | 'requirements'>): SchedulerUnit {
  return { name: unit.name, requirements: unit.requirements, targetState: 'launched' };
}
