import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOwnerAlive, removeEmptyTree } from './ownership.ts';

const prefix = 'fleet-world-';

/**
 * Where systemd keeps its groups: the unified hierarchy, and beside it the named one on older layouts. Each machine gets a
 * group of its own in both, because two machines in one group would take each other's services for their own.
 */
export function controlGroupRoots(mounts: string = readFileSync('/proc/mounts', 'utf8')): readonly string[] {
  const roots: string[] = [];
  for (const line of mounts.split('\n')) {
    const [, target = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2' || (type === 'cgroup' && options.split(',').includes('name=systemd'))) roots.push(target);
  }
  return [...new Set(roots)];
}

export function controlGroupName(stamp: string): string {
  return `${prefix}${stamp}`;
}

/** Removes the empty groups of one world, or with no name those of all worlds whose owner is gone. Gives whether none is left. */
export function removeControlGroups(name?: string): boolean {
  const isMeant = (entry: string): boolean => entry.startsWith(prefix) && (name === undefined ? !isOwnerAlive(entry, prefix) : entry === name);
  return controlGroupRoots().every((root) => {
    for (const entry of listDirectory(root).filter(isMeant)) removeEmptyTree(join(root, entry));
    return !listDirectory(root).some(isMeant);
  });
}

function listDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
