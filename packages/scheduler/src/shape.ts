import type { UnitEntry } from './entries.ts';
import { compareBytes } from './order.ts';

/** A text that is equal for units which every machine accepts or rejects for the same reasons, once it does not hold them. */
export function shapeOf(entry: UnitEntry): string {
  return (entry.shape ??= describeShape(entry));
}

function describeShape({ unit, conflicts, replaces, matching }: UnitEntry): string {
  const { machineId, machineOf, metadata } = unit.requirements;
  const pairs = [...metadata].map(([key, values]) => [key, [...values].sort(compareBytes)]);
  const ids = (patterns: readonly { readonly id: number }[]): number[] => patterns.map(({ id }) => id);
  return JSON.stringify([machineId, machineOf, pairs, ids(conflicts), ids(replaces), ids(matching).sort((a, b) => a - b)]);
}
