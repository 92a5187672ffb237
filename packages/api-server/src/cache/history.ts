import type { HistoryEntry } from '@fleet/api';

const PER_UNIT = 20;
const UNITS = 10_000;

/** What happened to units lately: the last 20 entries of each of the 10,000 units that changed last. In memory only. */
export class History {
  readonly #entries = new Map<string, HistoryEntry[]>();

  add(unit: string, entry: HistoryEntry): void {
    const entries = this.#entries.get(unit) ?? [];
    this.#entries.delete(unit);
    entries.push(entry);
    if (entries.length > PER_UNIT) entries.shift();
    this.#entries.set(unit, entries);
    if (this.#entries.size > UNITS) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
  }

  of(unit: string): readonly HistoryEntry[] {
    return this.#entries.get(unit) ?? [];
  }
}
