import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { errnoOf } from '../errno.ts';

/**
 * When a process was started, as an opaque word that no other process of the same id ever has; `undefined` if there is
 * none. From /proc where it exists, else from ps(1).
 */
export async function processStartedAt(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return linuxStartedAt(pid);
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { timeout: 5_000 });
    return stdout.trim() === '' ? undefined : stdout.trim();
  } catch {
    return undefined;
  }
}

/** Field 22 of stat counts ticks since the boot, so the boot belongs to it. */
function linuxStartedAt(pid: number): string | undefined {
  const fields = readStat(String(pid));
  return fields === undefined ? undefined : `${bootId()}/${fields[19] ?? ''}`;
}

/** A word that changes with every boot; the start of this process's session where the system does not tell. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return process.platform;
  }
}

/** Fields of /proc/PID/stat from the third (state) on; the second may hold blanks and parentheses. */
function readStat(pid: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Whether a process that is not a zombie is left in the group. */
export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    // EPERM: someone is there, but not ours any more.
    return errnoOf(error) === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  // Zombies count for kill(2); whoever inherits orphans here may never collect them.
  return readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    const fields = readStat(entry);
    return fields?.[2] === String(group) && fields[0] !== 'Z' && fields[0] !== 'X';
  });
}

/** Sends a signal to all processes of a group; one that is gone is no error. */
export function killGroup(group: number, signal: NodeJS.Signals): void {
  killQuietly(-group, signal);
}

export function killProcess(pid: number, signal: NodeJS.Signals): void {
  killQuietly(pid, signal);
}

function killQuietly(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // Gone already, or not ours any more: either way there is nothing left to signal.
  }
}

export async function readMachineId(): Promise<string | undefined> {
  try {
    const text = (await readFile('/etc/machine-id', 'utf8')).trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
