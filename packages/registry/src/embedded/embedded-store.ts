import { isFleetError, systemClock, type Clock } from '@fleet/runtime';
import { checkKey, checkTransaction, checkTtl, checkWatchRevision, pageStart, prefixEnd } from '../limits.ts';
import { leaseNotFound, requestInvalid, storeCompacted, storeUnavailable } from '../store-errors.ts';
import type { CallOptions, Compare, KeyValue, LeaseGrant, LeaseId, LeaseLife, Operation, RangeRequest, RangeResult, Store, Transaction, TransactionResult, WatchBatch, WatchChange } from '../store.ts';
import { CommitQueue } from './commit-queue.ts';
import { Compaction } from './compaction.ts';
import { Database, toKeyValue, type VersionRow } from './database.ts';
import { Leases } from './leases.ts';
import { readHistory } from './read-history.ts';
import { Watches } from './watches.ts';

export interface EmbeddedStoreOptions {
  /** File of the database, made with mode 0600 if absent; its folder must exist. `:memory:` keeps nothing. */
  readonly path: string;
  /** Drives the leases; the system's clock unless told. */
  readonly clock?: Clock;
  /** How many revisions a watch or a read may lie behind; 10,000 unless told. */
  readonly keepRevisions?: number;
  /** How many superseded values are kept at most, whatever their revisions; 50,000 unless told. Bounds the file. */
  readonly keepVersions?: number;
  /** Most bytes the database may take, so that it leaves room for others; a write beyond fails with `STORE_UNAVAILABLE`. */
  readonly maxBytes?: number;
}

/** The embedded {@link Store}, with what only it can do. */
export interface EmbeddedStore extends Store {
  /** Forgets the history up to and including `revision`; the store does so by itself as well. */
  compact(revision: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A failed commit of ended leases is tried again after this. */
const EXPIRY_RETRY_MS = 1_000;

/**
 * Opens a store in a file that survives `kill -9` and power cuts: what was acknowledged is on the disk. Several components
 * of one process share the one object; a second process is refused.
 *
 * Leases of an earlier process go on with their full TTL from now: their holders may be alive and could not extend them
 * while no store was running.
 *
 * @throws FleetError `STORE_IN_USE` (conflict), `STORE_CORRUPT` or `STORE_FORMAT_UNKNOWN` (internal), `STORE_UNAVAILABLE`.
 * @example await using store = createEmbeddedStore({ path: '/var/lib/fleet/registry.db' });
 */
export function createEmbeddedStore(options: EmbeddedStoreOptions): EmbeddedStore {
  return new SqliteStore(options);
}

/** The same store without a file: for tests and for a cluster that may forget. */
export function createMemoryStore(options: Omit<EmbeddedStoreOptions, 'path'> = {}): EmbeddedStore {
  return new SqliteStore({ ...options, path: ':memory:' });
}

class SqliteStore implements EmbeddedStore {
  readonly #path: string;
  readonly #db: Database;
  readonly #queue: CommitQueue;
  readonly #leases: Leases;
  readonly #watches: Watches;
  readonly #compaction: Compaction;
  /** As of the last commit; `#nextRevision` counts inside a commit. */
  #revision: number;
  #nextRevision: number;
  /** Effects on memory, carried out once the commit is durable. */
  #effects: (() => void)[] = [];
  #closed = false;

  constructor(options: EmbeddedStoreOptions) {
    this.#path = options.path;
    this.#db = new Database(options.path, options.maxBytes);
    this.#revision = this.#db.number('revision');
    this.#nextRevision = this.#revision;
    this.#compaction = new Compaction(this.#db, { revisions: options.keepRevisions ?? 10_000, versions: options.keepVersions ?? 50_000 });
    this.#leases = new Leases(options.clock ?? systemClock, (ids) => this.#expire(ids));
    const revision = (): number => this.#revision;
    const compacted = (): number => this.#compaction.revision;
    this.#watches = new Watches({
      get revision() {
        return revision();
      },
      get compacted() {
        return compacted();
      },
      read: (prefix, from) => this.#read(() => readHistory(this.#db, prefix, from, this.#revision)),
    });
    this.#queue = new CommitQueue({
      commit: (work) => this.#commit(work),
      attempt: (work) => this.#attempt(work),
      committed: () => this.#committed(),
      undone: () => this.#undone(),
      // A flush to the disk takes milliseconds: wait for all writers of this turn of the event loop. Memory needs no such wait.
      defer: options.path === ':memory:' ? queueMicrotask : (run) => void setImmediate(run),
    });
    for (const lease of this.#db.leases()) this.#leases.set(lease.id, lease.ttl_ms);
  }

  get(key: string, options: CallOptions = {}): Promise<{ readonly item: KeyValue | null; readonly revision: number }> {
    return promised(() => {
      options.signal?.throwIfAborted();
      checkKey(key);
      const row = this.#read(() => this.#db.current(key));
      return { item: row === undefined ? null : toKeyValue(row), revision: this.#revision };
    });
  }

  range(request: RangeRequest, options: CallOptions = {}): Promise<RangeResult> {
    return promised(() => {
      options.signal?.throwIfAborted();
      return this.#range(request);
    });
  }

  async transaction(transaction: Transaction, options: CallOptions = {}): Promise<TransactionResult> {
    options.signal?.throwIfAborted();
    checkTransaction(transaction);
    return this.#queue.enqueue(() => {
      if (!transaction.compare.every((compare) => this.#holds(compare))) return { succeeded: false, revision: this.#nextRevision };
      this.#apply(transaction.operations);
      return { succeeded: true, revision: this.#nextRevision };
    }, options);
  }

  watch(request: { readonly prefix: string; readonly fromRevision: number }, options: { readonly signal: AbortSignal }): AsyncIterable<WatchBatch> {
    checkWatchRevision(request.fromRevision);
    if (this.#closed) throw this.#closedError();
    return this.#watches.follow(request.prefix, request.fromRevision, options.signal);
  }

  async grantLease(ttlMs: number, options: CallOptions = {}): Promise<LeaseGrant> {
    options.signal?.throwIfAborted();
    checkTtl(ttlMs);
    return this.#queue.enqueue(() => {
      const id = this.#leases.newId();
      this.#db.addLease({ id, ttl_ms: ttlMs });
      this.#effects.push(() => this.#leases.set(id, ttlMs));
      return { id, ttlMs };
    }, options);
  }

  keepAlive(lease: LeaseId, options: CallOptions = {}): Promise<{ readonly ttlMs: number }> {
    return promised(() => {
      options.signal?.throwIfAborted();
      if (this.#closed) throw this.#closedError();
      const ttlMs = this.#leases.ttlMs(lease);
      if (ttlMs === undefined || this.#leases.isDue(lease)) throw leaseNotFound(lease);
      this.#leases.set(lease, ttlMs);
      return { ttlMs };
    });
  }

  readLease(lease: LeaseId, options: CallOptions = {}): Promise<LeaseLife | null> {
    return promised(() => {
      options.signal?.throwIfAborted();
      if (this.#closed) throw this.#closedError();
      return this.#leases.life(lease);
    });
  }

  async revokeLease(lease: LeaseId, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#queue.enqueue(() => this.#endLease(lease), options);
  }

  async compact(revision: number): Promise<void> {
    if (revision > this.#revision) throw requestInvalid(`revision ${revision} lies in the future; the store is at ${this.#revision}`);
    await this.#queue.enqueue(() => this.#giveBackIf(this.#compaction.run(revision)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return promised(() => {
      if (this.#closed) return;
      this.#closed = true;
      const failure = this.#closedError();
      this.#queue.close(failure);
      this.#watches.close(failure);
      this.#leases.close();
      this.#db.close();
    });
  }

  #closedError(): Error {
    return storeUnavailable(`the embedded store ${this.#path} is closed`);
  }

  #read<T>(work: () => T): T {
    if (this.#closed) throw this.#closedError();
    try {
      return work();
    } catch (error) {
      throw this.#failure('read', error);
    }
  }

  #range({ prefix, startAfter, revision, limit = Infinity, keysOnly }: RangeRequest): RangeResult {
    const { key: from, after } = pageStart(prefix, startAfter);
    const end = prefixEnd(prefix);
    // One more than asked for tells whether there is more.
    const rows = limit === Infinity ? -1 : limit + 1;
    const found = this.#read(() => {
      if (revision === undefined || revision === this.#revision) return this.#db.range(from, after, end, rows);
      if (revision > this.#revision) throw requestInvalid(`revision ${revision} lies in the future; the store is at ${this.#revision}`);
      if (revision <= this.#compaction.revision) throw storeCompacted(revision, this.#compaction.revision + 1);
      return this.#db.rangeAt(revision, from, after, end, rows);
    });
    const more = found.length > limit;
    if (more) found.pop();
    const items = found.map(toKeyValue);
    return { items: keysOnly === true ? items.map((item) => ({ ...item, value: '' })) : items, revision: revision ?? this.#revision, more };
  }

  #failure(verb: string, error: unknown): unknown {
    return isFleetError(error) ? error : storeUnavailable(`cannot ${verb} the embedded store ${this.#path}`, error);
  }

  #commit(work: () => void): void {
    try {
      this.#db.commit(() => {
        work();
        this.#giveBackIf(this.#compaction.runIfDue(this.#nextRevision));
        if (this.#nextRevision !== this.#revision) this.#db.setNumber('revision', this.#nextRevision);
      });
    } catch (error) {
      throw this.#failure('write', error);
    }
  }

  #attempt<T>(work: () => T): T {
    const revision = this.#nextRevision;
    const effects = this.#effects.length;
    try {
      return this.#db.attempt(work);
    } catch (error) {
      this.#nextRevision = revision;
      this.#effects.length = effects;
      this.#compaction.undone();
      throw this.#failure('write', error);
    }
  }

  #committed(): void {
    this.#revision = this.#nextRevision;
    const effects = this.#effects;
    this.#effects = [];
    for (const effect of effects) effect();
  }

  #undone(): void {
    this.#nextRevision = this.#revision;
    this.#effects = [];
    this.#compaction.undone();
  }

  /** Once the commit is durable. */
  #giveBackIf(dropped: boolean): void {
    if (dropped) this.#effects.push(() => this.#compaction.shrink());
  }

  #holds(compare: Compare): boolean {
    const row = this.#db.current(compare.key);
    switch (compare.kind) {
      case 'create-revision':
        return (row?.create_revision ?? 0) === compare.equals;
      case 'mod-revision':
        return (row?.mod_revision ?? 0) === compare.equals;
      case 'value':
        return row?.value === compare.equals;
    }
  }

  /** Carries operations out at one new revision; takes none when nothing changes, as etcd. */
  #apply(operations: readonly Operation[]): void {
    const revision = this.#nextRevision + 1;
    const changes: WatchChange[] = [];
    for (const operation of operations) {
      switch (operation.kind) {
        case 'put':
          changes.push({ kind: 'put', item: this.#put(operation, revision, changes.length) });
          break;
        case 'delete':
          if (this.#db.current(operation.key) !== undefined) this.#delete(operation.key, revision, changes);
          break;
        case 'delete-prefix':
          for (const row of this.#db.range(operation.prefix, false, prefixEnd(operation.prefix), -1)) this.#delete(row.key, revision, changes);
          break;
      }
    }
    if (changes.length === 0) return;
    this.#nextRevision = revision;
    this.#effects.push(() => this.#watches.publish(revision, changes));
  }

  #put(operation: Extract<Operation, { kind: 'put' }>, revision: number, sequence: number): KeyValue {
    const { key, value, lease } = operation;
    if (lease !== undefined && !this.#db.hasLease(lease)) throw leaseNotFound(lease);
    const before = this.#db.current(key);
    if (before !== undefined) this.#end(key, revision, sequence, false);
    const row: VersionRow = { key, value, create_revision: before?.create_revision ?? revision, mod_revision: revision, lease: lease ?? null };
    this.#db.insert(row, sequence);
    return toKeyValue(row);
  }

  #delete(key: string, revision: number, changes: WatchChange[]): void {
    this.#end(key, revision, changes.length, true);
    changes.push({ kind: 'delete', key });
  }

  #end(key: string, revision: number, sequence: number, deleted: boolean): void {
    this.#db.end(key, revision, sequence, deleted);
    this.#compaction.noteEnded();
  }

  #endLease(lease: LeaseId): void {
    if (!this.#db.hasLease(lease)) return;
    this.#apply(this.#db.keysOfLease(lease).map((key) => ({ kind: 'delete', key })));
    this.#db.removeLease(lease);
    this.#effects.push(() => this.#leases.delete(lease));
  }

  // Each ended lease takes its keys along at one revision of its own. Whether it has really ended is asked again when its
  // turn comes: its holder may have extended it meanwhile.
  #expire(ids: readonly LeaseId[]): void {
    for (const id of ids) {
      this.#queue
        .enqueue(() => {
          if (this.#leases.isDue(id)) this.#endLease(id);
        })
        .catch(() => {
          if (!this.#closed) this.#leases.retryAfter(EXPIRY_RETRY_MS);
        });
    }
  }
}

/** SQLite answers at once; a failure must nevertheless come as a rejection. */
function promised<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(run());
  });
}
