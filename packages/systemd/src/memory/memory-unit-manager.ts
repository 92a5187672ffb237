import { createHash } from 'node:crypto';

import { systemdUnavailable, unitRefused } from '../errors.ts';
import { EventFeed } from '../event-feed.ts';
import type { JobResult, LocalUnitFile, LocalUnitState, UnitCallOptions, UnitJob, UnitManager, UnitManagerEvent } from '../unit-manager.ts';
import { checkUnitName } from '../unit-types.ts';
import type { MemoryMachine } from './memory-machine.ts';

export type MemoryCall = 'listFiles' | 'readFile' | 'readStates' | 'load' | 'unload' | 'reloadIfNeeded' | 'start' | 'stop';

/** One connection to a {@link MemoryMachine}. */
export class MemoryUnitManager implements UnitManager {
  readonly #machine: MemoryMachine;
  readonly #count: (call: MemoryCall | 'reload', name?: string) => void;
  readonly #feed = new EventFeed();
  readonly #unwatch: () => void;
  readonly #jobs = new Set<(result: JobResult) => void>();
  #state: 'up' | 'down' | 'closed' = 'up';

  constructor(machine: MemoryMachine, count: (call: MemoryCall | 'reload', name?: string) => void) {
    this.#machine = machine;
    this.#count = count;
    this.#unwatch = machine.watch((name, state) => {
      if (this.#state === 'up') this.#feed.publish({ kind: 'state', name, state });
    });
  }

  async listFiles(options: UnitCallOptions = {}): Promise<readonly LocalUnitFile[]> {
    return this.#call('listFiles', options, () =>
      [...this.#machine.files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => ({ name, hash: createHash('sha1').update(text).digest('hex') })),
    );
  }

  async readFile(name: string, options: UnitCallOptions = {}): Promise<string | undefined> {
    return this.#call('readFile', options, () => this.#machine.files.get(name), name);
  }

  async readStates(names: readonly string[], options: UnitCallOptions = {}): Promise<ReadonlyMap<string, LocalUnitState>> {
    return this.#call('readStates', options, () => new Map(names.map((name) => [name, this.#machine.stateOf(name)])));
  }

  async load(name: string, text: string, options: UnitCallOptions = {}): Promise<void> {
    return this.#call('load', options, () => this.#machine.load(name, text), name);
  }

  async unload(name: string, options: UnitCallOptions = {}): Promise<void> {
    return this.#call('unload', options, () => this.#machine.unload(name), name);
  }

  async reloadIfNeeded(options: UnitCallOptions = {}): Promise<void> {
    return this.#call('reloadIfNeeded', options, () => {
      if (!this.#machine.needsReload) return;
      this.#count('reload');
      this.#machine.reload();
    });
  }

  async start(name: string, options: UnitCallOptions = {}): Promise<UnitJob> {
    return this.#call(
      'start',
      options,
      () => {
        checkUnitName(name);
        const unit = this.#machine.unit(name);
        if (unit === undefined || !this.#machine.files.has(name)) throw unitRefused(`start unit ${name}: Unit ${name} not found.`);
        const problem = this.#machine.refusedStarts.get(name) ?? unit.problem;
        if (problem !== undefined) throw unitRefused(`start unit ${name}: ${problem}`);
        return this.#job(unit.start());
      },
      name,
    );
  }

  async stop(name: string, options: UnitCallOptions = {}): Promise<UnitJob> {
    return this.#call(
      'stop',
      options,
      () => {
        checkUnitName(name);
        const problem = this.#machine.refusedStops.get(name);
        if (problem !== undefined) throw unitRefused(`stop unit ${name}: ${problem}`);
        const unit = this.#machine.unit(name);
        return unit === undefined ? { result: Promise.resolve('done') } : this.#job(unit.stop());
      },
      name,
    );
  }

  events({ signal }: { readonly signal: AbortSignal }): AsyncIterable<UnitManagerEvent> {
    return this.#feed.subscribe(signal);
  }

  drop(): void {
    if (this.#state !== 'up') return;
    this.#state = 'down';
    this.#cancelJobs();
    this.#feed.publish({ kind: 'lost' });
  }

  restore(): void {
    if (this.#state !== 'down') return;
    this.#state = 'up';
    this.#feed.publish({ kind: 'restored' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'closed';
    this.#unwatch();
    this.#cancelJobs();
    this.#feed.close();
    return Promise.resolve();
  }

  async #call<T>(call: MemoryCall, options: UnitCallOptions, work: () => T, name?: string): Promise<T> {
    options.signal?.throwIfAborted();
    this.#count(call, name);
    // A turn of the event loop, as with a real bus: an abort can come in between.
    await Promise.resolve();
    options.signal?.throwIfAborted();
    if (this.#state !== 'up') throw systemdUnavailable(this.#state === 'closed' ? 'the connection to systemd is closed' : 'the connection to systemd is lost');
    return work();
  }

  #job(result: Promise<JobResult>): UnitJob {
    return {
      result: new Promise((resolve) => {
        const finish = (how: JobResult): void => {
          this.#jobs.delete(finish);
          resolve(how);
        };
        this.#jobs.add(finish);
        void result.then(finish);
      }),
    };
  }

  #cancelJobs(): void {
    for (const finish of this.#jobs) finish('canceled');
  }
}
