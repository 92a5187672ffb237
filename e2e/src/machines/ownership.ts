import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

// Everything that outlives a killed process (a directory in /tmp, control groups) carries its owner in its name, so that
// the next run can tell what is stale. A process id alone may have been given to somebody else meanwhile.

/** `<pid>-<start time in clock ticks>`: names a process for all time since boot. */
export function processStamp(pid: number = process.pid): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold blanks: count from its end. Start time is field 22.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${pid}-${start}`;
  } catch {
    return undefined;
  }
}

/** Whether the owner named in `<prefix><pid>-<start>[-…]` still lives. */
export function isOwnerAlive(name: string, prefix: string): boolean {
  const match = /^(\d+)-(\d+)(?:-|$)/.exec(name.slice(prefix.length));
  if (match === null) return true;
  return processStamp(Number(match[1])) === `${match[1]}-${match[2]}`;
}

/** Removes a tree that holds only directories (as control groups do), from its leaves up. What is in use stays. */
export function removeEmptyTree(directory: string): void {
  let children: readonly string[] = [];
  try {
    children = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return;
  }
  for (const child of children) removeEmptyTree(join(directory, child));
  try {
    rmdirSync(directory);
  } catch {
    // In use or not empty: not ours to force.
  }
}
