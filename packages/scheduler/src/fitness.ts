import { matchesMachineId, type Metadata } from '@fleet/model';
import { compileGlob, type Glob, type Requirements } from '@fleet/unit-parser';
import type { SchedulerMachine, SchedulerUnit } from './types.ts';

/** Whether every required key is there with one of its allowed values (as fleet `machine/machine.go` HasMetadata). */
export function meetsMetadata(metadata: Metadata, required: Requirements['metadata']): boolean {
  for (const [key, allowed] of required) {
    if (!Object.hasOwn(metadata, key)) return false;
    const value = metadata[key];
    if (value === undefined || !allowed.has(value)) return false;
  }
  return true;
}

export function meetsMachineId(machine: SchedulerMachine, requirements: Requirements): boolean {
  return requirements.machineId === null || matchesMachineId(machine.id, requirements.machineId);
}

/**
 * Whether two units may not be on one machine: a conflict pattern of either matches the name of the other. A unit never conflicts with
 * itself, an inactive one with nothing, and a malformed pattern matches nothing.
 */
export function inConflict(a: SchedulerUnit, b: SchedulerUnit): boolean {
  if (a.name === b.name || a.targetState === 'inactive' || b.targetState === 'inactive') return false;
  return matchesAny(a.requirements.conflicts, b.name) || matchesAny(b.requirements.conflicts, a.name);
}

export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => compiled(pattern).test(name));
}

/** Patterns come back in every plan: keep the last few thousand compiled. */
const MAX_COMPILED = 4096;
const compiledGlobs = new Map<string, Glob>();

export function compiled(pattern: string): Glob {
  const known = compiledGlobs.get(pattern);
  if (known !== undefined) return known;
  const glob = compileGlob(pattern);
  if (compiledGlobs.size >= MAX_COMPILED) compiledGlobs.clear();
  compiledGlobs.set(pattern, glob);
  return glob;
}
