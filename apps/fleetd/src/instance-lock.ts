import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { FleetError } from '@fleet/runtime';

/** SQLite takes the lock in steps: rivals of the same moment can hinder each other, and one has it when the others have let go. */
const RIVALS_MS = 250;

/**
 * Makes sure that one fleetd at a time uses a runtime directory: two with one session would believe to be the same
 * machine. The lock is one of the operating system's, which drops it when the process ends in whatever way: there is
 * never a stale one to be judged and taken over. SQLite is how Node gets at it, and nothing is ever stored. The empty file stays:
 * whoever removed it could remove the one that another has just locked.
 *
 * @returns what gives it back.
 * @throws FleetError `ALREADY_RUNNING` (kind conflict), `DIRECTORY_UNUSABLE` (invalid)
 */
export function lockInstance(directory: string): () => void {
  const path = join(directory, 'instance.lock');
  // For people and for the message below; who holds the lock is not decided by it.
  const pidPath = join(directory, 'fleetd.pid');
  // Loaded here, where Node's warning that it is experimental goes to the log: others of this program must not print it.
  const sqlite = process.getBuiltinModule('node:sqlite');
  let lock: DatabaseSync | undefined;
  try {
    lock = new sqlite.DatabaseSync(path, { timeout: RIVALS_MS });
    lock.exec('BEGIN EXCLUSIVE');
    writeFileSync(pidPath, `${process.pid}\n`);
  } catch (cause) {
    lock?.close();
    if (isBusy(cause)) {
      throw new FleetError(`another fleetd${describeHolder(pidPath)} uses ${directory}`, {
        code: 'ALREADY_RUNNING',
        kind: 'conflict',
        remedy: 'stop it first, or set another runtime_directory in fleet.conf',
      });
    }
    throw new FleetError(`cannot lock ${path}`, { code: 'DIRECTORY_UNUSABLE', kind: 'invalid', cause, remedy: 'see that fleetd can write there and remove the file if it is something else, or set another runtime_directory in fleet.conf' });
  }
  const held = lock;
  return () => {
    rmSync(pidPath, { force: true });
    held.close();
  };
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === SQLITE_BUSY;
}

function describeHolder(pidPath: string): string {
  try {
    const pid = Number(readFileSync(pidPath, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? ` (process ${pid})` : '';
  } catch {
    return '';
  }
}
