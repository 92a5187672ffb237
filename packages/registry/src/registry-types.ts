import type { MachineId, TargetState, UnitHash, UnitName, UnitState } from '@fleet/model';
import type {
  HistoryRecord,
  LeaderRecord,
  MachineRecord,
  MetadataRecord,
  PendingRecord,
  PlacementRecord,
  ScheduleRecord,
  StateRecord,
  StoredUnitRecord,
  UnitRecord,
} from './records.ts';
import type { CallOptions, LeaseId, LeaseLife } from './store.ts';

/** A change a user wants of one unit. Each is one transaction with compares on what it read; the loser of a race is told. */
export type UnitChange =
  /** Fails with `UNIT_EXISTS` when there is one. */
  | { readonly kind: 'create'; readonly name: UnitName; readonly text: string; readonly hash: UnitHash; readonly global: boolean; readonly targetState: TargetState }
  /**
   * New text for a unit; its placement stays. `expect` is the unit's revision as read; fails with `UNIT_CHANGED` when it moved on,
   * `UNIT_NOT_FOUND` when it is gone. With `known`, a recent copy of both records, the first attempt reads nothing; a copy that is
   * old costs one attempt.
   */
  | { readonly kind: 'replace'; readonly name: UnitName; readonly text: string; readonly hash: UnitHash; readonly global: boolean; readonly targetState: TargetState; readonly expect: number; readonly known?: KnownUnit }
  /** Start and stop of a placed unit write `sched/` in the same transaction; `inactive` drops `place/` and `sched/`. `known` as for `replace`. */
  | { readonly kind: 'target'; readonly name: UnitName; readonly targetState: TargetState; readonly known?: KnownUnit }
  /** Drops the unit with its placement, schedule and pending reason. Fails with `UNIT_NOT_FOUND`. */
  | { readonly kind: 'destroy'; readonly name: UnitName };

/** What a caller believes to be stored of a unit. */
export interface KnownUnit {
  readonly unit: UnitRecord;
  readonly placement: PlacementRecord | null;
}

export type UnitChangeResult =
  | { readonly ok: true; readonly name: UnitName; readonly revision: number; readonly generation: number }
  | { readonly ok: false; readonly name: UnitName; readonly error: Error };

/** An empty value hides the key (tombstone). */
export interface MetadataChange {
  readonly machine: string;
  readonly key: string;
  readonly value: string;
}

/** Everything a mirror may hold, by the first part of its key. */
export interface RecordKinds {
  readonly units: UnitRecord;
  readonly globals: UnitRecord;
  readonly place: PlacementRecord;
  readonly sched: ScheduleRecord;
  readonly state: StateRecord;
  readonly machines: MachineRecord;
  readonly metadata: MetadataRecord;
  readonly pending: PendingRecord;
  readonly leader: LeaderRecord;
}
export type RecordKind = keyof RecordKinds;

/** One record that changed; `before`/`after` are undefined when it did not exist / no longer exists. */
export type RecordChange = {
  [K in RecordKind]: { readonly kind: K; readonly id: string; readonly before: RecordKinds[K] | undefined; readonly after: RecordKinds[K] | undefined };
}[RecordKind];

/** All changes of one store revision, or the differences found by a new listing (`relisted`). */
export interface MirrorBatch {
  readonly revision: number;
  readonly relisted: boolean;
  readonly changes: readonly RecordChange[];
}

/**
 * A live copy of part of the registry: listed at a revision, watched from the next one with a cursor of its own, listed
 * again after compaction or reconnection. Ids are: unit name (units, globals, place, pending), machine id (machines,
 * metadata), `<machine>/<unit>` (sched, state), `leader`. Records that cannot be decoded
 * are skipped and reported to the log, but for the leader's, which says so itself.
 */
export interface Mirror {
  /** Revision up to which the copy is complete. */
  readonly revision: number;
  /** False while the store cannot be reached: the copy is then the last known truth. */
  readonly live: boolean;
  records<K extends RecordKind>(kind: K): ReadonlyMap<string, RecordKinds[K]>;
  /** Called synchronously for each batch after it is applied; returns the function that ends it. */
  subscribe(listener: (batch: MirrorBatch) => void): () => void;
  /** Called when {@link Mirror.live} changes. */
  onLiveness(listener: (live: boolean) => void): () => void;
  /**
   * Resolves when the copy has reached `revision`. Rejects with the signal's reason, or with `REVISION_NOT_REACHED` (unavailable) when a
   * listing begun after the call shows that the store itself is behind it, as after a restore to an older state.
   */
  waitForRevision(revision: number, options: { readonly signal: AbortSignal }): Promise<void>;
}

export type MirrorScope =
  /** All of the cluster but `sched/` and texts: for the leader and for API reads. */
  | { readonly kind: 'cluster' }
  /** `sched/<machine>/`, `globals/`, `metadata/<machine>`, `machines/<machine>`, `state/<machine>/`: for that machine's agent. */
  | { readonly kind: 'machine'; readonly machine: MachineId }
  /** `engine/leader` only. */
  | { readonly kind: 'leader' };

/**
 * A decision of the leader. `expect…` carries the revisions it was made on. `place` also demands that the unit has no
 * placement yet, `pending` that it has none; a pending reason without `expectUnit` costs a read, to be sure the unit exists.
 */
export type PlacementChange =
  | { readonly kind: 'place'; readonly unit: UnitName; readonly machine: MachineId; readonly hash: UnitHash; readonly targetState: Exclude<TargetState, 'inactive'>; readonly generation: number; readonly expectUnit: number; readonly reason?: string }
  | { readonly kind: 'unplace'; readonly unit: UnitName; readonly machine: MachineId; readonly expectPlacement: number; readonly reason?: string }
  | { readonly kind: 'pending'; readonly unit: UnitName; readonly pending: Omit<PendingRecord, 'revision' | 'unit'> | null; readonly expectUnit?: number };

export interface PlacementOutcome {
  /** Changes whose compares failed: read again and plan again. */
  readonly rejected: readonly PlacementChange[];
  readonly revision: number;
}

/** What a machine says of itself when it joins. */
export type MachineRegistration = Omit<MachineRecord, 'revision' | 'lease'>;

/** What the agent publishes: a state, or its end. Under the machine's lease. */
export type StateChange =
  | { readonly kind: 'put'; readonly state: UnitState }
  | { readonly kind: 'delete'; readonly unit: UnitName };

/** fleet's view of the store. All calls throw FleetErrors; see {@link Store} for the store's own codes. */
export interface Registry {
  // Reads
  /** The unit and where it is placed; null when there is none. Throws `RECORD_INVALID` when what is stored cannot be decoded. */
  readUnit(name: string, options?: CallOptions): Promise<{ readonly unit: UnitRecord; readonly placement: PlacementRecord | null } | null>;
  /** The unit alone, for those who need no placement: one read instead of two. */
  readUnitRecord(name: string, options?: CallOptions): Promise<StoredUnitRecord | null>;
  /** Names of those records that are not what is stored any more; as many as fit share one call to the store. */
  findStaleUnits(units: readonly Pick<UnitRecord, 'name' | 'revision'>[], options?: CallOptions): Promise<readonly UnitName[]>;
  /** Text of a unit file by hash; immutable, so cached (bounded). Throws `UNIT_TEXT_MISSING`. */
  readText(hash: UnitHash, options?: CallOptions): Promise<string>;
  /** Where a unit was placed and taken from lately, and why, newest last; also of units that are gone for less than a day. One read. */
  readHistory(unit: string, options: CallOptions & { readonly limit: number }): Promise<readonly HistoryRecord[]>;
  /** A live copy; resolves when first complete (retries with back-off until then). Works until the signal aborts. */
  openMirror(scope: MirrorScope, options: { readonly signal: AbortSignal }): Promise<Mirror>;

  // Users' writes
  /** One change; what it throws is said at {@link UnitChange}. */
  changeUnit(change: UnitChange, options?: CallOptions): Promise<{ readonly revision: number; readonly generation: number }>;
  /** Many at once, batched; with `atomic` all or nothing (at most what one transaction holds; `TOO_MANY_CHANGES` otherwise). */
  changeUnits(changes: readonly UnitChange[], options: CallOptions & { readonly atomic: boolean }): Promise<readonly UnitChangeResult[]>;
  /** One compare-and-swap per machine document, all in one transaction. */
  changeMetadata(changes: readonly MetadataChange[], options?: CallOptions): Promise<{ readonly revision: number }>;

  // A machine's presence and states
  /**
   * Writes `machines/<id>` under the lease. Takes over the key when it holds the same session id; throws
   * `MACHINE_ID_TAKEN` (conflict) when another live session holds it.
   */
  registerMachine(machine: MachineRegistration, lease: LeaseId, options?: CallOptions): Promise<{ readonly revision: number }>;
  /** Deletes `machines/<id>` and the machine's states; no error when another session holds the id, or none. */
  removeMachine(machine: MachineId, sessionId: string, options?: CallOptions): Promise<void>;
  /** Batched; only this machine's keys, bound to the lease; compares that the session still holds `machines/<id>` (`MACHINE_ID_TAKEN`/`LEASE_NOT_FOUND`). */
  publishStates(machine: MachineId, sessionId: string, lease: LeaseId, changes: readonly StateChange[], options?: CallOptions): Promise<void>;

  // Leadership
  /** Takes `engine/leader` if it is free; the result is null when another holds it. The fence goes into every leader write. */
  campaign(machine: MachineId, sessionId: string, lease: LeaseId, options?: CallOptions): Promise<{ readonly fence: number } | null>;
  /** Gives leadership back; no error when it has ended already. */
  resign(fence: number, options?: CallOptions): Promise<void>;
  /** Highest engine version seen, 0 if none; raised by the leader. A lower engine must not lead. */
  readEngineVersion(options?: CallOptions): Promise<number>;
  /** Never lowers it. Fenced: `LEADERSHIP_LOST`. */
  raiseEngineVersion(version: number, fence: number, options?: CallOptions): Promise<void>;
  /** In batches of one transaction each, fenced: throws `LEADERSHIP_LOST` (conflict) when the fence no longer holds. */
  applyPlacements(changes: readonly PlacementChange[], fence: number, options?: CallOptions): Promise<PlacementOutcome>;
  /** Deletes texts that no unit refers to and that were unreferenced at an earlier call too (by any leader); returns how many. Fenced: `LEADERSHIP_LOST`. */
  collectTexts(fence: number, options?: CallOptions): Promise<number>;
  /** Deletes the dynamic metadata of machines that have been gone for a week; returns of how many. Fenced: `LEADERSHIP_LOST`. */
  collectMetadata(fence: number, options?: CallOptions): Promise<number>;
  /** Deletes all but the newest 20 entries of each unit's history, and the history of units gone for a day; returns how many entries. Fenced: `LEADERSHIP_LOST`. */
  trimHistory(fence: number, options?: CallOptions): Promise<number>;

  // Leases: as of {@link Store}
  grantLease(ttlMs: number, options?: CallOptions): Promise<{ readonly id: LeaseId; readonly ttlMs: number }>;
  keepAlive(lease: LeaseId, options?: CallOptions): Promise<{ readonly ttlMs: number }>;
  /** How long each lease lasts if it is not extended; those that have ended are missing. A call to the store for each. */
  readLeases(leases: readonly LeaseId[], options?: CallOptions): Promise<ReadonlyMap<LeaseId, LeaseLife>>;
  revokeLease(lease: LeaseId, options?: CallOptions): Promise<void>;
}
