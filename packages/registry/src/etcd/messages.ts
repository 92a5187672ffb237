import { pageStart, prefixEnd } from '../limits.ts';
import { leaseNotFound } from '../store-errors.ts';
import type { Compare, KeyValue, LeaseId, Operation, RangeRequest, Transaction, WatchBatch, WatchChange } from '../store.ts';

// etcd's messages as far as the adapter uses them (etcd api/etcdserverpb/rpc.proto). 64-bit numbers come as decimal text, or
// as numbers where protobufjs has not found its `long` package. Both do: revisions fit a double for any store that will ever
// exist (2^53 changes), and so do the lease ids that this adapter chooses.
export type Int64 = string | number;

export interface EtcdHeader {
  readonly revision: Int64;
}

export interface EtcdKeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly create_revision: Int64;
  readonly mod_revision: Int64;
  readonly lease: Int64;
}

export interface EtcdEvent {
  readonly type: string;
  readonly kv: EtcdKeyValue;
}

export interface EtcdWatchResponse {
  readonly header: EtcdHeader;
  readonly watch_id: Int64;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: Int64;
  readonly cancel_reason: string;
  readonly fragment: boolean;
  readonly events: readonly EtcdEvent[];
}

export interface EtcdRangeRequest {
  key: Buffer;
  range_end?: Buffer;
  limit?: number;
  revision?: number;
  keys_only?: boolean;
}

export interface EtcdCompare {
  result: 'Equal';
  target: 'Create' | 'Mod' | 'Value';
  key: Buffer;
  create_revision?: number;
  mod_revision?: number;
  value?: Buffer;
}

export interface EtcdRequestOp {
  request_put?: { key: Buffer; value: Buffer; lease?: string };
  request_delete_range?: { key: Buffer; range_end?: Buffer };
}

export interface EtcdTransaction {
  compare: EtcdCompare[];
  success: EtcdRequestOp[];
}

/** etcd's way of saying "all that follows". */
const NO_END = Buffer.from([0]);

export function toKeyValue(item: EtcdKeyValue): KeyValue {
  return {
    key: item.key.toString(),
    value: item.value.toString(),
    createRevision: Number(item.create_revision),
    modRevision: Number(item.mod_revision),
    lease: Number(item.lease) === 0 ? null : String(item.lease),
  };
}

/** First key and end of a prefix. etcd takes no empty key: the byte 0 is the first there can be. */
export function prefixRange(prefix: string): { key: Buffer; range_end: Buffer } {
  const end = prefixEnd(prefix);
  return { key: prefix === '' ? NO_END : Buffer.from(prefix), range_end: end === undefined ? NO_END : Buffer.from(end) };
}

/** One page of a range; `startAfter` overrules that of the request. */
export function toRange(request: RangeRequest, page: { readonly limit: number; readonly startAfter: string | undefined; readonly revision: number | undefined }): EtcdRangeRequest {
  const range: EtcdRangeRequest = { ...prefixRange(request.prefix), limit: page.limit };
  const { key, after } = pageStart(request.prefix, page.startAfter);
  if (after) range.key = Buffer.from(`${key}\0`);
  if (page.revision !== undefined) range.revision = page.revision;
  if (request.keysOnly === true) range.keys_only = true;
  return range;
}

/** @throws FleetError `LEASE_NOT_FOUND` for an id that cannot be one of etcd's. */
export function toTransaction(transaction: Transaction): EtcdTransaction {
  return { compare: transaction.compare.map(toCompare), success: transaction.operations.map(toRequestOp) };
}

function toCompare(compare: Compare): EtcdCompare {
  const key = Buffer.from(compare.key);
  switch (compare.kind) {
    case 'create-revision':
      return { result: 'Equal', target: 'Create', key, create_revision: compare.equals };
    case 'mod-revision':
      return { result: 'Equal', target: 'Mod', key, mod_revision: compare.equals };
    case 'value':
      return { result: 'Equal', target: 'Value', key, value: Buffer.from(compare.equals) };
  }
}

function toRequestOp(operation: Operation): EtcdRequestOp {
  switch (operation.kind) {
    case 'put': {
      const put = { key: Buffer.from(operation.key), value: Buffer.from(operation.value) };
      return { request_put: operation.lease === undefined ? put : { ...put, lease: toLease(operation.lease) } };
    }
    case 'delete':
      return { request_delete_range: { key: Buffer.from(operation.key) } };
    case 'delete-prefix':
      return { request_delete_range: prefixRange(operation.prefix) };
  }
}

/** @throws FleetError `LEASE_NOT_FOUND`: 0 would mean "no lease" to etcd, and other text nothing at all. */
export function toLease(lease: LeaseId): string {
  if (!/^[1-9]\d{0,18}$/.test(lease)) throw leaseNotFound(lease);
  return lease;
}

/** Events in order, gathered by revision. */
export function toBatches(events: readonly EtcdEvent[]): WatchBatch[] {
  const batches: { revision: number; changes: WatchChange[] }[] = [];
  for (const { type, kv } of events) {
    const revision = Number(kv.mod_revision);
    let batch = batches.at(-1);
    if (batch?.revision !== revision) {
      batch = { revision, changes: [] };
      batches.push(batch);
    }
    batch.changes.push(type === 'Delete' || type === 'DELETE' ? { kind: 'delete', key: kv.key.toString() } : { kind: 'put', item: toKeyValue(kv) });
  }
  return batches;
}
