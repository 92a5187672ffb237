import type { MachineId, Metadata, TargetState, UnitHash, UnitName, UnitState } from '@fleet/model';
import type { LeaseId } from './store.ts';

/** `revision` is the store revision of the record's last change; compare on it to write without losing another's change. */
export interface Revisioned {
  readonly revision: number;
}

/** `units/<name>`: what users want. */
export interface UnitRecord extends Revisioned {
  readonly name: UnitName;
  readonly hash: UnitHash;
  readonly targetState: TargetState;
  /** Counts the changes users made to text or target state, from 1. */
  readonly generation: number;
  readonly global: boolean;
}

/** A unit as its record has it; `null` for a target state that is none, which can be repaired by changing it. */
export type StoredUnitRecord = Omit<UnitRecord, 'targetState'> & { readonly targetState: TargetState | null };

/** `place/<name>`: the machine a unit that is not global is assigned to. */
export interface PlacementRecord extends Revisioned {
  readonly unit: UnitName;
  readonly machine: MachineId;
  readonly generation: number;
  /** Why the unit is there, in the leader's words: also why it left its last machine, where there was one. */
  readonly reason?: string;
}

/** `sched/<machine>/<name>`: what one machine has to do, all its agent needs. Never `inactive`. */
export interface ScheduleRecord extends Revisioned {
  readonly unit: UnitName;
  readonly machine: MachineId;
  readonly hash: UnitHash;
  readonly targetState: Exclude<TargetState, 'inactive'>;
  readonly generation: number;
}

/** `machines/<id>`, under that machine's lease. */
export interface MachineRecord extends Revisioned {
  readonly id: MachineId;
  /** Changes with each boot; tells a reboot from a restart of fleetd. */
  readonly bootId: string;
  /** Made once per registration and kept in /run: tells a restarted fleetd from a second machine with the same id. */
  readonly sessionId: string;
  readonly address: string;
  /** Static metadata, from fleet.conf. */
  readonly metadata: Metadata;
  readonly version: string;
  readonly capabilities: Readonly<Record<string, boolean>>;
  /** Directory on it with `<unit>.log` for the output of each unit; none where its journal has it. */
  readonly unitLogs?: string;
  readonly lease: LeaseId | null;
}

/** `metadata/<id>`: dynamic metadata; an empty value hides the key. */
export interface MetadataRecord extends Revisioned {
  readonly machine: MachineId;
  readonly values: Metadata;
}

/** `state/<machine>/<name>`, under that machine's lease. */
export interface StateRecord extends Revisioned, UnitState {}

/** `pending/<name>`: why a unit has no machine. */
export interface PendingRecord extends Revisioned {
  readonly unit: UnitName;
  readonly machines: number;
  readonly rejections: readonly { readonly code: string; readonly detail: string; readonly machines: number }[];
  readonly summary: string;
}

/**
 * `engine/leader`, under the leader's lease. Its create revision is the fence. Whoever wrote it leads, also when it cannot be
 * read: then nobody knows who that is, and `problem` says what is wrong.
 */
export type LeaderRecord = Revisioned & { readonly fence: number } & (
    | { readonly machine: MachineId; readonly sessionId: string }
    | { readonly machine: null; readonly problem: string }
  );

/** `history/<unit>/<moment>`: one thing that happened to a unit. Written once, in the transaction that made it so. */
export interface HistoryRecord extends Revisioned {
  readonly unit: UnitName;
  /** The first four are users' doing. A stop or destroy that ends a placement is told as `unplaced` alone, with that as its reason. */
  readonly kind: 'created' | 'replaced' | 'desired-state' | 'destroyed' | 'placed' | 'unplaced';
  /** The one the unit came to or left; only with `placed` and `unplaced`. */
  readonly machine?: MachineId;
  /** By the clock of whoever wrote it, milliseconds since the epoch. */
  readonly at: number;
  /** In the words of whoever decided it; missing when it was not said. */
  readonly reason?: string;
}
