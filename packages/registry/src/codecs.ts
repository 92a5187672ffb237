import { FleetError, isFleetError } from '@fleet/runtime';
import { isTargetState, TARGET_STATES, type MachineId, type UnitHash, type UnitName, type UnitState } from '@fleet/model';
import { z } from 'zod';
import type { HistoryRecord, LeaderRecord, MachineRecord, MetadataRecord, PendingRecord, PlacementRecord, ScheduleRecord, StateRecord, StoredUnitRecord, UnitRecord } from './records.ts';
import type { RecordKind, RecordKinds } from './registry-types.ts';
import type { KeyValue } from './store.ts';

// The stored values. Members that a later version may add are let through unread; members that are missing or of another
// type make a record undecodable. Names and ids are in the key and nowhere else.
const hash = z
  .string()
  .regex(/^[0-9a-f]{40}$/)
  .transform((text) => text as UnitHash);
const generation = z.int().nonnegative();
const machineId = z
  .string()
  .min(1)
  .transform((text) => text as MachineId);
const wanted = z.enum(['loaded', 'launched']);
/** Not `z.record`: a key such as `__proto__` must stay a plain entry. */
const stringMap = z
  .custom<Record<string, string>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((entry) => typeof entry === 'string'))
  .transform((value): Readonly<Record<string, string>> => value);

const unitValue = z.object({ hash, targetState: z.enum(TARGET_STATES), generation, global: z.boolean() });
const storedUnitValue = unitValue.extend({ targetState: z.string() });
const placementValue = z.object({ machine: machineId, generation, reason: z.string().optional() });
const scheduleValue = z.object({ hash, targetState: wanted, generation });
const stateValue = z.object({ load: z.string(), active: z.string(), sub: z.string(), hash, asked: wanted, generation, reason: z.string().optional() });
const machineValue = z.object({
  bootId: z.string(),
  sessionId: z.string().min(1),
  address: z.string(),
  metadata: stringMap,
  version: z.string(),
  capabilities: z.record(z.string(), z.boolean()),
  unitLogs: z.string().optional(),
});
const metadataValue = z.object({ values: stringMap });
const pendingValue = z.object({
  machines: generation,
  rejections: z.array(z.object({ code: z.string(), detail: z.string(), machines: generation })),
  summary: z.string(),
});
/** The last moment a Date can show. */
const MAX_TIME_MS = 8_640_000_000_000_000;
const historyValue = z.object({ kind: z.enum(['created', 'replaced', 'desired-state', 'destroyed', 'placed', 'unplaced']), machine: machineId.optional(), at: z.int().nonnegative().max(MAX_TIME_MS), reason: z.string().optional() });
const leaderValue = z.object({ machine: machineId, sessionId: z.string().min(1) });

/** @throws FleetError `RECORD_INVALID` (internal) naming the key. */
export function decodeUnit(item: KeyValue, id: string): UnitRecord {
  return { ...read(unitValue, item), name: id as UnitName, revision: item.modRevision };
}

/** @throws FleetError `RECORD_INVALID` */
export function decodeStoredUnit(item: KeyValue, id: string): StoredUnitRecord {
  const { targetState, ...unit } = read(storedUnitValue, item);
  return { ...unit, targetState: isTargetState(targetState) ? targetState : null, name: id as UnitName, revision: item.modRevision };
}

/** @throws FleetError `RECORD_INVALID` */
export function decodePlacement(item: KeyValue, id: string): PlacementRecord {
  const { reason, ...placement } = read(placementValue, item);
  return { ...placement, ...(reason === undefined ? {} : { reason }), unit: id as UnitName, revision: item.modRevision };
}

/** @throws FleetError `RECORD_INVALID` */
export function decodeMachine(item: KeyValue, id: string): MachineRecord {
  const { unitLogs, ...machine } = read(machineValue, item);
  return { ...machine, ...(unitLogs === undefined ? {} : { unitLogs }), id: id as MachineId, lease: item.lease, revision: item.modRevision };
}

/** @throws FleetError `RECORD_INVALID` */
export function decodeMetadata(item: KeyValue, id: string): MetadataRecord {
  return { ...read(metadataValue, item), machine: id as MachineId, revision: item.modRevision };
}

export function decodeLeader(item: KeyValue): LeaderRecord {
  const held = { fence: item.createRevision, revision: item.modRevision };
  try {
    return { ...read(leaderValue, item), ...held };
  } catch (error) {
    if (!isFleetError(error, 'RECORD_INVALID')) throw error;
    return { machine: null, problem: error.message, ...held };
  }
}

/** @throws FleetError `RECORD_INVALID` */
export function decodeEngineVersion(item: KeyValue): number {
  return read(z.int().nonnegative(), item);
}

/** @throws FleetError `RECORD_INVALID` */
export function decodeHistory(item: KeyValue, unit: string): HistoryRecord {
  const { reason, machine, ...entry } = read(historyValue, item);
  return { ...entry, ...(machine === undefined ? {} : { machine }), ...(reason === undefined ? {} : { reason }), unit: unit as UnitName, revision: item.modRevision };
}

function decodeSchedule(item: KeyValue, id: string): ScheduleRecord {
  const [machine, unit] = splitId(id);
  return { ...read(scheduleValue, item), machine, unit, revision: item.modRevision };
}

function decodeState(item: KeyValue, id: string): StateRecord {
  const [machine, unit] = splitId(id);
  const { reason, ...state } = read(stateValue, item);
  return { ...state, ...(reason === undefined ? {} : { reason }), machine, unit, revision: item.modRevision };
}

function decodePending(item: KeyValue, id: string): PendingRecord {
  return { ...read(pendingValue, item), unit: id as UnitName, revision: item.modRevision };
}

const DECODERS: { readonly [K in RecordKind]: (item: KeyValue, id: string) => RecordKinds[K] } = {
  units: decodeUnit,
  globals: decodeUnit,
  place: decodePlacement,
  sched: decodeSchedule,
  state: decodeState,
  machines: decodeMachine,
  metadata: decodeMetadata,
  pending: decodePending,
  leader: decodeLeader,
};

/** @throws FleetError `RECORD_INVALID` */
export function decodeRecord<K extends RecordKind>(kind: K, item: KeyValue, id: string): RecordKinds[K] {
  return DECODERS[kind](item, id);
}

export function encodeUnit(unit: Pick<UnitRecord, 'hash' | 'targetState' | 'generation' | 'global'>): string {
  return JSON.stringify({ hash: unit.hash, targetState: unit.targetState, generation: unit.generation, global: unit.global });
}

export function encodePlacement(placement: Pick<PlacementRecord, 'machine' | 'generation' | 'reason'>): string {
  return JSON.stringify({ machine: placement.machine, generation: placement.generation, reason: placement.reason });
}

export function encodeSchedule(schedule: Pick<ScheduleRecord, 'hash' | 'targetState' | 'generation'>): string {
  return JSON.stringify({ hash: schedule.hash, targetState: schedule.targetState, generation: schedule.generation });
}

export function encodeState(state: UnitState): string {
  const { load, active, sub, hash: unitHash, asked, generation: answered, reason } = state;
  return JSON.stringify({ load, active, sub, hash: unitHash, asked, generation: answered, reason });
}

export function encodeMachine(machine: Omit<MachineRecord, 'id' | 'lease' | 'revision'>): string {
  const { bootId, sessionId, address, metadata, version, capabilities, unitLogs } = machine;
  return JSON.stringify({ bootId, sessionId, address, metadata, version, capabilities, unitLogs });
}

export function encodeMetadata(values: MetadataRecord['values']): string {
  return JSON.stringify({ values });
}

export function encodePending(pending: Omit<PendingRecord, 'revision' | 'unit'>): string {
  return JSON.stringify({ machines: pending.machines, rejections: pending.rejections, summary: pending.summary });
}

export function encodeHistory(entry: Omit<HistoryRecord, 'unit' | 'revision'>): string {
  return JSON.stringify({ kind: entry.kind, machine: entry.machine, at: entry.at, reason: entry.reason });
}

export function encodeLeader(leader: { readonly machine: MachineId; readonly sessionId: string }): string {
  return JSON.stringify({ machine: leader.machine, sessionId: leader.sessionId });
}

function splitId(id: string): [MachineId, UnitName] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash) as MachineId, id.slice(slash + 1) as UnitName];
}

function read<T extends z.ZodType>(schema: T, item: KeyValue): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(item.value);
  } catch (error) {
    throw undecodable(item, 'it is not JSON', error);
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw undecodable(item, issue === undefined ? 'it has another shape' : `${issue.path.join('.') || 'it'}: ${issue.message}`, undefined);
  }
  return result.data;
}

function undecodable(item: KeyValue, why: string, cause: unknown): FleetError {
  return new FleetError(`cannot read ${item.key} (revision ${item.modRevision}): ${why}`, {
    code: 'RECORD_INVALID',
    kind: 'internal',
    cause,
    remedy: 'write the record again, or delete the key if nothing needs it',
  });
}
