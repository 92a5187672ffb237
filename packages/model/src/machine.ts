import type { MachineId } from './names.ts';

/** String to string, in no particular order. */
export type Metadata = Readonly<Record<string, string>>;

/** A machine that is present in the cluster, as users see it. */
export interface Machine {
  readonly id: MachineId;
  /** Published address; empty if none is known. */
  readonly address: string;
  /** Static metadata with the dynamic one laid over it. */
  readonly metadata: Metadata;
}

/**
 * Lays dynamic metadata over static metadata: an empty dynamic value hides the key, any other replaces it
 * (as fleet `registry/machine.go` readMachineState).
 */
export function mergeMetadata(fixed: Metadata, dynamic: Metadata): Metadata {
  const merged: Record<string, string> = { ...fixed };
  for (const [key, value] of Object.entries(dynamic)) {
    if (value === '') Reflect.deleteProperty(merged, key);
    else merged[key] = value;
  }
  return merged;
}

/** Whether `wanted` names the machine: its whole id, or exactly its first eight characters. */
export function matchesMachineId(id: string, wanted: string): boolean {
  return wanted !== '' && (wanted === id || wanted === id.slice(0, 8));
}
