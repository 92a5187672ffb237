/** Identifies a lease; opaque, decimal or hex as the store likes. */
export type LeaseId = string;

/** Every call can be cancelled; adapters also set a deadline of their own and fail with code `STORE_TIMEOUT`. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** Store revision at which the key was created (for this life of the key). */
  readonly createRevision: number;
  /** Store revision of its last change. */
  readonly modRevision: number;
  readonly lease: LeaseId | null;
}

/** A condition of a transaction. A revision of 0 means: the key does not exist. */
export type Compare =
  | { readonly kind: 'create-revision'; readonly key: string; readonly equals: number }
  | { readonly kind: 'mod-revision'; readonly key: string; readonly equals: number }
  | { readonly kind: 'value'; readonly key: string; readonly equals: string };

export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease?: LeaseId | undefined }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-prefix'; readonly prefix: string };

export interface Transaction {
  /** All must hold for the operations to be carried out; none means always. */
  readonly compare: readonly Compare[];
  /** At most {@link MAX_OPERATIONS}; no key twice. */
  readonly operations: readonly Operation[];
}

export interface TransactionResult {
  readonly succeeded: boolean;
  /** Store revision after the transaction. All its changes carry this one revision. */
  readonly revision: number;
}

export interface RangeRequest {
  readonly prefix: string;
  /** Only keys after this one; for pages. */
  readonly startAfter?: string | undefined;
  /** Most items to return; adapters may page inside, the result is the same. */
  readonly limit?: number | undefined;
  /** Read as of this revision; fails with code `STORE_COMPACTED` when it is gone. */
  readonly revision?: number | undefined;
  /** Leave the values out (they are then empty strings): for listings of keys over large values. */
  readonly keysOnly?: boolean | undefined;
}

export interface RangeResult {
  /** In byte order of keys. */
  readonly items: readonly KeyValue[];
  /** Revision the read was made at. */
  readonly revision: number;
  /** Whether there are keys behind the last item. */
  readonly more: boolean;
}

export type WatchChange =
  | { readonly kind: 'put'; readonly item: KeyValue }
  | { readonly kind: 'delete'; readonly key: string };

/** All changes of one revision that concern the watch, together. With no changes: progress only. */
export interface WatchBatch {
  readonly revision: number;
  readonly changes: readonly WatchChange[];
}

/** A lease as it stands. */
export interface LeaseLife {
  readonly ttlMs: number;
  /** How long it lasts if it is not extended: this much at most. Stores may count in seconds. */
  readonly leftMs: number;
}

export interface LeaseGrant {
  readonly id: LeaseId;
  readonly ttlMs: number;
}

/** Most operations in one transaction (etcd's default). */
export const MAX_OPERATIONS = 128;
/** Most bytes in one request (etcd's default). */
export const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024;

/**
 * An ordered key-value store with revisions, transactions, watches and leases: what etcd v3 offers, as a port.
 * Adapters: `registry/etcd`, `registry/embedded`; both pass `describeStoreContract`.
 *
 * Failures are FleetErrors: `STORE_UNAVAILABLE`, `STORE_TIMEOUT` (both kind unavailable), `STORE_COMPACTED` (kind
 * conflict), `LEASE_NOT_FOUND` (kind not-found), `STORE_REQUEST_TOO_LARGE` (kind invalid), `STORE_DENIED` (kind
 * unavailable). Abort reasons pass through unwrapped. After a failed write it is unknown whether it took effect;
 * adapters never repeat a write by themselves.
 */
export interface Store extends AsyncDisposable {
  /** The key as it is now, read linearizably. `item` is null when there is none. */
  get(key: string, options?: CallOptions): Promise<{ readonly item: KeyValue | null; readonly revision: number }>;
  /** Keys below a prefix, all of one revision. */
  range(request: RangeRequest, options?: CallOptions): Promise<RangeResult>;
  /** Carries the operations out at one revision if all compares hold; `succeeded: false` and no change otherwise. */
  transaction(transaction: Transaction, options?: CallOptions): Promise<TransactionResult>;
  /**
   * Changes below `prefix` from `fromRevision` on (inclusive), in order, none twice, none missing. Ends by the signal
   * (throws its reason), or throws `STORE_COMPACTED` or `STORE_UNAVAILABLE`: list again and watch from there.
   */
  watch(request: { readonly prefix: string; readonly fromRevision: number }, options: { readonly signal: AbortSignal }): AsyncIterable<WatchBatch>;
  /** A lease that ends `ttlMs` after its last extension and takes its keys along. Stores may round the TTL up; the answer says to what. */
  grantLease(ttlMs: number, options?: CallOptions): Promise<LeaseGrant>;
  /** Extends the lease by its TTL from now. Throws `LEASE_NOT_FOUND` when it has ended. */
  keepAlive(lease: LeaseId, options?: CallOptions): Promise<{ readonly ttlMs: number }>;
  /** Null when it has ended. Extends nothing. */
  readLease(lease: LeaseId, options?: CallOptions): Promise<LeaseLife | null>;
  /** Ends the lease and deletes its keys. No error when it is gone already. */
  revokeLease(lease: LeaseId, options?: CallOptions): Promise<void>;
}
