import type { HistoryEntry } from '@fleet/api';
import type { Mirror, MirrorBatch, RecordChange } from '@fleet/registry';

/**
 * What a batch says about the history of units. A placement carries the leader's reason. Where one ends there is none, so it
 * is told from what else is true at that moment: the machine is gone, the unit is not wanted, or it no longer fits.
 */
export function historyOf(batch: MirrorBatch, mirror: Mirror, nowMs: number): readonly (readonly [string, HistoryEntry])[] {
  const entries: (readonly [string, HistoryEntry])[] = [];
  const stamp = { time: new Date(nowMs).toISOString(), revision: batch.revision };
  for (const change of batch.changes) {
    const what = eventOf(change, mirror);
    if (what !== null) entries.push([change.id, { ...stamp, ...what }]);
  }
  return entries;
}

function eventOf(change: RecordChange, mirror: Mirror): Omit<HistoryEntry, 'time' | 'revision'> | null {
  switch (change.kind) {
    case 'units': {
      const { before, after } = change;
      if (after === undefined) return { event: 'destroyed' };
      if (before === undefined) return { event: 'created', reason: `desired state ${after.targetState}` };
      if (before.hash !== after.hash) return { event: 'replaced', reason: `unit file ${after.hash.slice(0, 7)}, desired state ${after.targetState}` };
      if (before.targetState !== after.targetState) return { event: 'desired-state', reason: `${before.targetState} to ${after.targetState}` };
      return null;
    }
    case 'place': {
      const { before, after } = change;
      if (after === undefined) return before === undefined ? null : { event: 'unplaced', fromMachineID: before.machine, reason: reasonToLeave(change.id, before.machine, mirror) };
      const why = after.reason === undefined ? {} : { reason: after.reason };
      if (before === undefined) return { event: 'placed', machineID: after.machine, ...why };
      if (before.machine === after.machine) return null;
      return { event: 'moved', machineID: after.machine, fromMachineID: before.machine, reason: reasonToLeave(change.id, before.machine, mirror), ...why };
    }
    case 'pending':
      return change.after === undefined ? null : { event: 'pending', reason: change.after.summary };
    default:
      return null;
  }
}

function reasonToLeave(unit: string, machine: string, mirror: Mirror): string {
  const record = mirror.records('units').get(unit);
  if (record === undefined) return 'the unit was destroyed';
  if (record.targetState === 'inactive') return 'desired state inactive';
  if (record.global) return 'the unit became global';
  if (!mirror.records('machines').has(machine)) return 'the machine is gone';
  return 'the machine no longer fits, or another unit took its place';
}
