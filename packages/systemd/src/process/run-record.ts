import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bootId } from './process-info.ts';

/** What has to be known of a unit to find it again after a restart of this process. */
export interface RunRecord {
  readonly boot: string;
  readonly active: string;
  readonly sub: string;
  readonly result: string;
  /** The main process; absent while there is none. */
  readonly main?: { readonly group: number; readonly startedAt: string };
  /** Further groups of the unit: commands before, after and at the stop, and what a main process left. */
  readonly others: readonly { readonly group: number; readonly startedAt: string }[];
}

/**
 * Records of units in `<state directory>/run`, one JSON file each. Written at once with every process started, so that
 * a crash of this process loses track of none; a record of another boot is as good as none.
 */
export class RunRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  write(name: string, record: Omit<RunRecord, 'boot'>): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#pathOf(name);
    writeFileSync(`${path}.tmp`, JSON.stringify({ boot: bootId(), ...record }), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }

  remove(name: string): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  /** Records of this boot by unit name; unreadable ones are dropped. */
  readAll(): ReadonlyMap<string, RunRecord> {
    const records = new Map<string, RunRecord>();
    let entries: string[];
    try {
      entries = readdirSync(this.#directory);
    } catch {
      return records;
    }
    for (const entry of entries) {
      if (!entry.endsWith('.json')) continue;
      const name = entry.slice(0, -'.json'.length);
      const record = parseRecord(join(this.#directory, entry));
      if (record?.boot === bootId()) records.set(name, record);
      else this.remove(name);
    }
    return records;
  }

  #pathOf(name: string): string {
    return join(this.#directory, `${name}.json`);
  }
}

function parseRecord(path: string): RunRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<RunRecord> | null;
    const words = [value?.boot, value?.active, value?.sub, value?.result];
    return words.every((word) => typeof word === 'string') && Array.isArray(value?.others) ? (value as RunRecord) : undefined;
  } catch {
    return undefined;
  }
}
