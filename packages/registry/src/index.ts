export type {
  HistoryRecord,
  LeaderRecord,
  MachineRecord,
  MetadataRecord,
  PendingRecord,
  PlacementRecord,
  Revisioned,
  ScheduleRecord,
  StateRecord,
  StoredUnitRecord,
  UnitRecord,
} from './records.ts';
export type {
  KnownUnit,
  MachineRegistration,
  MetadataChange,
  Mirror,
  MirrorBatch,
  MirrorScope,
  PlacementChange,
  PlacementOutcome,
  RecordChange,
  RecordKind,
  RecordKinds,
  Registry,
  StateChange,
  UnitChange,
  UnitChangeResult,
} from './registry-types.ts';
export {
  MAX_OPERATIONS,
  MAX_REQUEST_BYTES,
  type CallOptions,
  type Compare,
  type KeyValue,
  type LeaseGrant,
  type LeaseId,
  type LeaseLife,
  type Operation,
  type RangeRequest,
  type RangeResult,
  type Store,
  type Transaction,
  type TransactionResult,
  type WatchBatch,
  type WatchChange,
} from './store.ts';
export { RequirementsSource, type RequirementsResult } from './requirements-source.ts';
export { createKeys, type Keys, type ParsedKey } from './keys.ts';
export { createRegistry, type RegistryOptions } from './registry.ts';
export { withMetrics, withReadRetries, withTimeout, type RetryReadsOptions, type StoreMetrics, type StoreOperation } from './decorators.ts';
