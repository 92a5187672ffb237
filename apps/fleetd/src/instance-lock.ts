import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FleetError } from '@fleet/runtime';

/**
 * Makes sure that one fleetd at a time uses a runtime directory: two with one session would believe to be the same
 * machine. The lock names a process; one that is gone does not count.
 *
 * @throws FleetError `ALREADY_RUNNING` (kind conflict)
 */
export function lockInstance(directory: string, self: number = process.pid): () => void {
  const path = join(directory, 'fleetd.lock');
  const beside = `${path}.${self}`;
  writeFileSync(beside, identify(self), { mode: 0o644 });
  try {
    try {
      linkSync(beside, path);
    } catch (error) {
      if (!(typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST')) throw error;
      const holder = readHolder(path);
      if (holder !== null) {
        throw new FleetError(`another fleetd (process ${holder}) uses ${directory}`, {
          code: 'ALREADY_RUNNING',
          kind: 'conflict',
          remedy: 'stop it first, or set another runtime_directory in fleet.conf',
        });
      }
      renameSync(beside, path);
      return () => {
        unlock(path, self);
      };
    }
  } finally {
    remove(beside);
  }
  return () => {
    unlock(path, self);
  };
}

function unlock(path: string, self: number): void {
  if (readHolder(path) === self) remove(path);
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

/** The process that holds the lock, if it is still the same one. */
function readHolder(path: string): number | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const pid = Number(text.split(' ')[0]);
  return Number.isInteger(pid) && pid > 0 && identify(pid) === text ? pid : null;
}

/** Process id with its start time, since ids are used again. */
function identify(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    return `${pid} ${startTime}`;
  } catch {
    try {
      process.kill(pid, 0);
      return `${pid} `;
    } catch {
      return '';
    }
  }
}
