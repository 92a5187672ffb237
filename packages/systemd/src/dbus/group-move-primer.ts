import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describeError, type Clock, type Logger } from '@fleet/runtime';

import { isMissing } from '../errno.ts';

export interface GroupMovePrimerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where control groups are mounted; `/sys/fs/cgroup` unless told. */
  readonly root?: string;
  /** The file that says which groups this process is in; `/proc/self/cgroup` unless told. */
  readonly membership?: string;
}

/** A move this long after another still is quick; measured up to 10 ms. */
const STAYS_READY_MS = 5;
/** A start that takes longer will not end sooner for this. */
const HOLD_MS = 100;
/** With more starts than that under way, systemd's own moves keep the kernel ready. */
const FEW_STARTS = 4;

/**
 * Takes 5 to 13 ms off the start of a unit on a quiet machine. systemd forks and moves the new process into the unit's
 * control group; the first move after a pause waits for an RCU grace period of the kernel, those shortly after it do not.
 * Moving this process into the group that it is in changes nothing, and has that wait happen while unit files are still
 * being written and read (docs/decisions/0045). Where that is not allowed, starts take what they take.
 */
export class GroupMovePrimer {
  readonly #options: GroupMovePrimerOptions;
  readonly #root: string;
  readonly #membership: string;
  readonly #ending = new AbortController();
  #allowed = true;
  #starts = 0;
  #holdUntil = 0;
  #work: Promise<void> | undefined;

  constructor(options: GroupMovePrimerOptions) {
    this.#options = options;
    this.#root = options.root ?? '/sys/fs/cgroup';
    this.#membership = options.membership ?? '/proc/self/cgroup';
  }

  /** A start is likely to follow within milliseconds. */
  prime(): void {
    if (this.#allowed && !this.#ending.signal.aborted) this.#work ??= this.#run().finally(() => (this.#work = undefined));
  }

  /** Keeps the kernel ready while systemd takes a start; gives what `start` gives. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#starts += 1;
    this.#holdUntil = this.#options.clock.monotonic() + HOLD_MS;
    this.prime();
    try {
      return await start();
    } finally {
      this.#starts -= 1;
    }
  }

  /** Ends with the move under way. */
  async close(): Promise<void> {
    this.#ending.abort(new Error('closed'));
    await this.#work;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      do {
        if (this.#starts <= FEW_STARTS) await this.#moveToOwnGroup();
        await clock.sleep(STAYS_READY_MS, { signal: this.#ending.signal });
      } while (this.#starts > 0 && clock.monotonic() < this.#holdUntil);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      this.#allowed = false;
      logger.debug('starts of units cannot be prepared in the kernel, which costs some milliseconds each', { error: describeError(error) });
    }
  }

  /** All hierarchies share the lock, so any will do. The group is read anew: an administrator may have moved this process. */
  async #moveToOwnGroup(): Promise<void> {
    const groups = await readFile(this.#membership, 'utf8');
    const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
    const named = /^[0-9]+:name=systemd:(\/.*)$/m.exec(groups)?.[1];
    const directories = [
      ...(unified === undefined ? [] : [join(this.#root, unified), join(this.#root, 'unified', unified)]),
      ...(named === undefined ? [] : [join(this.#root, 'systemd', named)]),
    ];
    for (const directory of directories) {
      try {
        // 0 is the process that writes.
        await writeFile(join(directory, 'cgroup.procs'), '0\n', { flag: 'r+' });
        return;
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
    throw new Error(`no control group of this process below ${this.#root}`);
  }
}
