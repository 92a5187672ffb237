import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { copyFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '@fleet/runtime';

import { unitFileFailed } from '../errors.ts';

const CHECK_EVERY_MS = 1_000;
export const DEFAULT_LOG_BYTES = 1024 * 1024;

/**
 * The output of units, one file each, below a directory. Units write to their file themselves, so their output
 * survives this process; every second a file that has grown past its bound is copied to `<unit>.log.1` and emptied
 * (what is written between the two is lost).
 */
export class UnitLogs {
  readonly directory: string;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #checking: Promise<void> = Promise.resolve();
  #cancel: (() => void) | undefined;

  constructor(directory: string, clock: Clock, maxBytes: number) {
    this.directory = directory;
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  pathOf(name: string): string {
    return join(this.directory, `${name}.log`);
  }

  /** A descriptor that appends to the unit's log; the caller closes it. @throws FleetError UNIT_FILE_WRITE */
  open(name: string): number {
    const path = this.pathOf(name);
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o755 });
      return openSync(path, 'a', 0o640);
    } catch (error) {
      throw unitFileFailed('open log', path, error);
    }
  }

  /** A line of our own, as systemd writes them to the journal beside the output. A full disk does not stop a unit. */
  note(name: string, text: string): void {
    try {
      const file = this.open(name);
      try {
        writeSync(file, `${new Date(this.#clock.now()).toISOString()} fleet: ${text}\n`);
      } finally {
        closeSync(file);
      }
    } catch {
      // The note is for people; the unit's state says the same.
    }
  }

  /** Starts looking after the sizes; until {@link close}. */
  watch(): void {
    this.#cancel = this.#clock.schedule(CHECK_EVERY_MS, () => {
      this.#checking = this.#checkAll().finally(() => {
        if (this.#cancel !== undefined) this.watch();
      });
    });
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#checking;
  }

  async remove(name: string): Promise<void> {
    for (const path of [this.pathOf(name), `${this.pathOf(name)}.1`]) await rm(path, { force: true });
  }

  async #checkAll(): Promise<void> {
    try {
      for (const entry of await readdir(this.directory)) {
        if (entry.endsWith('.log')) await this.#rotate(join(this.directory, entry));
      }
    } catch {
      // No directory yet, or a file that went away: the next round looks again.
    }
  }

  async #rotate(path: string): Promise<void> {
    if ((await stat(path)).size <= this.#maxBytes) return;
    // Copy and empty, not rename: the processes hold the file open, and all of them append.
    await copyFile(path, `${path}.1`);
    await truncate(path);
  }
}
