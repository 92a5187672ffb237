import type { Clock } from '@fleet/runtime';

import { unitRefused } from '../errors.ts';
import type { LocalUnitState } from '../unit-manager.ts';
import { checkUnitName } from '../unit-types.ts';
import { readInstall, readUnitText } from '../unit-text.ts';
import { MemoryUnit } from './memory-unit.ts';

export const NOT_FOUND: LocalUnitState = { load: 'not-found', active: 'inactive', sub: 'dead' };

/** The machine's side: files and units. Outlives the connections to it. */
export class MemoryMachine {
  /** The units directory. */
  readonly files = new Map<string, string>();
  readonly refusedLoads = new Map<string, string>();
  readonly refusedStarts = new Map<string, string>();
  readonly refusedStops = new Map<string, string>();
  readonly #clock: Clock;
  readonly #units = new Map<string, MemoryUnit>();
  readonly #watchers = new Set<(name: string, state: LocalUnitState) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(watcher: (name: string, state: LocalUnitState) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The unit as systemd has it: rereads the file of one that is not held in memory. */
  unit(name: string): MemoryUnit | undefined {
    const text = this.files.get(name);
    let unit = this.#units.get(name);
    if (unit?.held === true) return unit;
    if (text === undefined) return undefined;
    if (unit === undefined) {
      unit = new MemoryUnit(name, text, this.#clock, (changed) => this.#tell(changed.name, changed.state));
      this.#units.set(name, unit);
    } else if (unit.text !== text) {
      unit.reread(text);
    }
    return unit;
  }

  units(): readonly MemoryUnit[] {
    return [...this.#units.values()];
  }

  stateOf(name: string): LocalUnitState {
    const unit = this.unit(name);
    if (unit === undefined) return NOT_FOUND;
    return this.files.has(name) ? unit.state : { ...unit.state, load: 'not-found' };
  }

  load(name: string, text: string): void {
    checkUnitName(name);
    const refused = this.refusedLoads.get(name);
    if (refused !== undefined) throw unitRefused(`load unit ${name}: ${refused}`);
    if (readInstall(readUnitText(text)) === 'empty') {
      throw unitRefused(`enable unit ${name}: its [Install] section says nothing about how to enable it`, {
        remedy: 'add WantedBy=, RequiredBy=, Alias= or Also=, or remove the section',
      });
    }
    this.files.set(name, text);
    this.#tell(name, this.stateOf(name));
  }

  unload(name: string): void {
    checkUnitName(name);
    this.#units.get(name)?.resetFailed();
    this.files.delete(name);
    if (this.#units.get(name)?.held !== true) this.#units.delete(name);
    this.#tell(name, this.stateOf(name));
  }

  get needsReload(): boolean {
    return this.units().some((unit) => unit.held && this.files.has(unit.name) && this.files.get(unit.name) !== unit.text);
  }

  reload(): void {
    for (const unit of this.units()) {
      const text = this.files.get(unit.name);
      if (text !== undefined && text !== unit.text) unit.reread(text);
    }
  }

  /** Everything stops at once without a word; files stay, as on a disk, unless told otherwise. */
  powerOff(): void {
    for (const unit of this.units()) unit.powerOff();
    this.#units.clear();
  }

  #tell(name: string, state: LocalUnitState): void {
    for (const watcher of this.#watchers) watcher(name, state);
  }
}
