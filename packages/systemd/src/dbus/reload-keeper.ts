import type { Logger } from '@fleet/runtime';

import { untilAborted } from './abortable.ts';
import type { SystemdCalls } from './systemd-calls.ts';

/** From this many changed units on, one list of all units in memory is cheaper than asking for each. */
const LIST_FROM = 4;

/**
 * Reloads systemd only when it says that it works by an older file, once for all changes that wait. A unit that it does
 * not have in memory is read afresh when it is started, so new units never need a reload.
 */
export class ReloadKeeper {
  readonly #calls: () => SystemdCalls;
  readonly #logger: Logger;
  readonly #changed = new Set<string>();
  #reloading: Promise<void> | undefined;

  constructor(calls: () => SystemdCalls, logger: Logger) {
    this.#calls = calls;
    this.#logger = logger;
  }

  /** The file of this unit was written or removed. */
  changed(name: string): void {
    this.#changed.add(name);
  }

  async reloadIfNeeded(signal: AbortSignal | undefined): Promise<void> {
    // A reload under way may have read the directory before our change: judge after it.
    while (this.#reloading !== undefined) await this.#reloading.catch(() => undefined);
    signal?.throwIfAborted();
    if (this.#changed.size === 0) return;
    const names = [...this.#changed];
    this.#changed.clear();
    try {
      await this.#reloadFor(names, signal);
    } catch (error) {
      for (const name of names) this.#changed.add(name);
      throw error;
    }
  }

  async #reloadFor(names: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const outdated = await this.#outdated(names, signal);
    if (outdated.length === 0) return;
    // Somebody else may have started one meanwhile; it began after our changes, so it will do.
    this.#reloading ??= this.#reload(outdated).finally(() => (this.#reloading = undefined));
    await untilAborted(this.#reloading, signal);
  }

  async #outdated(names: readonly string[], signal: AbortSignal | undefined): Promise<string[]> {
    const calls = this.#calls();
    const units = names.filter((name) => !name.includes('@.'));
    const isInMemory = await this.#inMemory(units, signal);
    const answers = await Promise.all(units.map(async (name) => ({ name, outdated: (await isInMemory(name)) && (await calls.needsReload(name, signal)) })));
    return answers.filter(({ outdated }) => outdated).map(({ name }) => name);
  }

  async #inMemory(units: readonly string[], signal: AbortSignal | undefined): Promise<(name: string) => boolean | Promise<boolean>> {
    const calls = this.#calls();
    if (units.length < LIST_FROM) return (name) => calls.isInMemory(name, signal);
    const names = new Set((await calls.listUnits(signal)).map((row) => row.name));
    return (name) => names.has(name);
  }

  // Without a caller's signal: others wait for it too.
  async #reload(units: readonly string[]): Promise<void> {
    this.#logger.info('systemd reloads for changed unit files', { units });
    await this.#calls().reload(undefined);
  }
}
