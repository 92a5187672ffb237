import { randomInt } from 'node:crypto';
import { isFleetError, type FleetError } from '@fleet/runtime';
import { checkKey, checkTransaction, checkTtl, checkWatchRevision } from '../limits.ts';
import { leaseNotFound, storeCompacted, storeUnavailable } from '../store-errors.ts';
import type { CallOptions, KeyValue, LeaseGrant, LeaseId, LeaseLife, RangeRequest, RangeResult, Store, Transaction, TransactionResult, WatchBatch } from '../store.ts';
import { createConnection, type TlsOptions } from './connection.ts';
import { parseEndpoints } from './endpoint-url.ts';
import { Endpoints } from './endpoints.ts';
import { toKeyValue, toLease, toRange, toTransaction } from './messages.ts';
import { watchEtcd } from './watch.ts';

export interface EtcdStoreOptions {
  /** `http://` or `https://`, all the same; port 2379 unless named. */
  readonly endpoints: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Used with `https` endpoints. A CA alone means: verify the server against it. */
  readonly tls?: TlsOptions | undefined;
  /** For each request at each endpoint, and for a watch to be confirmed; 2,000 unless told. With several endpoints the next is asked earlier. */
  readonly requestTimeoutMs?: number | undefined;
}

/** The etcd {@link Store}, with what only it can do. */
export interface EtcdStore extends Store {
  /** Forgets the history before `revision`. etcd usually does so by itself (`--auto-compaction-retention`). */
  compact(revision: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Bytes aimed at per page of a range; the first page takes this many items. */
const PAGE_BYTES = 2 * 1024 * 1024;
const FIRST_PAGE = 500;
const MAX_PAGE = 10_000;
/** A read that has no answer by then is sent to another endpoint too, or by half of its deadline. */
const READ_PATIENCE_MS = 1_000;
/** The same for a keepalive, or by a quarter: a lease of a few seconds must not hang on one member. */
const KEEPALIVE_PATIENCE_MS = 300;
/** How often a listing without a revision of its own begins anew because compaction overtook it. */
const MAX_LISTINGS = 3;

/**
 * A store on an etcd cluster (v3 API, etcd 3.4 or newer). Connects on first use. Reads are linearizable.
 *
 * @throws FleetError `STORE_REQUEST_INVALID` for endpoints that make no sense.
 * @example await using store = createEtcdStore({ endpoints: ['https://10.0.0.1:2379'], tls: { ca: readFileSync('ca.pem') } });
 */
export function createEtcdStore(options: EtcdStoreOptions): EtcdStore {
  return new GrpcStore(options);
}

class GrpcStore implements EtcdStore {
  readonly #endpoints: Endpoints;
  readonly #requestTimeoutMs: number;
  readonly #keepAlivePatienceMs: number;
  readonly #closing = new AbortController();

  constructor(options: EtcdStoreOptions) {
    const requestTimeoutMs = options.requestTimeoutMs ?? 2_000;
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#keepAlivePatienceMs = Math.min(KEEPALIVE_PATIENCE_MS, requestTimeoutMs / 4);
    const { username, password, tls } = options;
    this.#endpoints = new Endpoints(parseEndpoints(options.endpoints).map((endpoint) => createConnection({ endpoint, username, password, tls, requestTimeoutMs })), Math.min(READ_PATIENCE_MS, requestTimeoutMs / 2));
  }

  async get(key: string, options: CallOptions = {}): Promise<{ readonly item: KeyValue | null; readonly revision: number }> {
    options.signal?.throwIfAborted();
    checkKey(key);
    const { header, kvs } = await this.#wait(
      this.#endpoints.ask((connection, signal) => connection.range({ key: Buffer.from(key) }, signal)),
      options,
    );
    return { item: kvs[0] === undefined ? null : toKeyValue(kvs[0]), revision: Number(header.revision) };
  }

  async range(request: RangeRequest, options: CallOptions = {}): Promise<RangeResult> {
    options.signal?.throwIfAborted();
    for (let listing = 1; ; listing += 1) {
      try {
        return await this.#list(request, options);
      } catch (error) {
        if (!isFleetError(error, 'STORE_COMPACTED')) throw error;
        if (request.revision !== undefined) throw storeCompacted(request.revision, undefined, error);
        if (listing >= MAX_LISTINGS) throw error;
      }
    }
  }

  async transaction(transaction: Transaction, options: CallOptions = {}): Promise<TransactionResult> {
    options.signal?.throwIfAborted();
    checkTransaction(transaction);
    const request = toTransaction(transaction);
    const { header, succeeded } = await this.#wait(
      this.#endpoints.write((connection) => connection.transaction(request)),
      options,
    );
    return { succeeded, revision: Number(header.revision) };
  }

  watch(request: { readonly prefix: string; readonly fromRevision: number }, options: { readonly signal: AbortSignal }): AsyncIterable<WatchBatch> {
    checkWatchRevision(request.fromRevision);
    return this.#watch(request, options.signal);
  }

  async grantLease(ttlMs: number, options: CallOptions = {}): Promise<LeaseGrant> {
    options.signal?.throwIfAborted();
    checkTtl(ttlMs);
    // The adapter chooses the id, 53 random bits, so that it survives every representation of numbers on the way.
    const id = String(randomInt(1, 2 ** 48 - 1) * 32 + randomInt(32));
    // etcd counts in seconds. Rounded up: a lease must not end before its holder thinks it can.
    const ttlSeconds = await this.#wait(
      this.#endpoints.write((connection) => connection.grantLease(id, Math.ceil(ttlMs / 1_000))),
      options,
    );
    return { id, ttlMs: ttlSeconds * 1_000 };
  }

  async keepAlive(lease: LeaseId, options: CallOptions = {}): Promise<{ readonly ttlMs: number }> {
    options.signal?.throwIfAborted();
    const id = toLease(lease);
    // Extending twice does no harm, so this may be repeated at another endpoint.
    const ttlSeconds = await this.#wait(
      this.#endpoints.ask((connection, signal) => connection.keepAlive(id, signal), this.#keepAlivePatienceMs),
      options,
    );
    if (ttlSeconds <= 0) throw leaseNotFound(lease);
    return { ttlMs: ttlSeconds * 1_000 };
  }

  async readLease(lease: LeaseId, options: CallOptions = {}): Promise<LeaseLife | null> {
    options.signal?.throwIfAborted();
    const id = toLease(lease);
    const { left, granted } = await this.#wait(
      this.#endpoints.ask((connection, signal) => connection.readLease(id, signal)),
      options,
    );
    // etcd rounds down; it may be nearly a second more.
    return left < 0 ? null : { ttlMs: granted * 1_000, leftMs: Math.min(granted, left + 1) * 1_000 };
  }

  async revokeLease(lease: LeaseId, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    try {
      const id = toLease(lease);
      await this.#wait(
        this.#endpoints.write((connection) => connection.revokeLease(id)),
        options,
      );
    } catch (error) {
      if (!isFleetError(error, 'LEASE_NOT_FOUND')) throw error;
    }
  }

  async compact(revision: number): Promise<void> {
    await this.#endpoints.write((connection) => connection.compact(revision));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(storeUnavailable('the connection to etcd is closed'));
    this.#endpoints.close();
    // Lets the watches end, so that nothing of this store is left when the caller goes on.
    await new Promise((resolve) => void setImmediate(resolve));
  }

  /** Pages through the range, as large as fits comfortably into a reply, all at the revision of the first page. */
  async #list(request: RangeRequest, options: CallOptions): Promise<RangeResult> {
    const items: KeyValue[] = [];
    const wanted = request.limit ?? Infinity;
    let { revision, startAfter } = request;
    let limit = FIRST_PAGE;
    for (;;) {
      const page = { limit: Math.min(limit, wanted - items.length), startAfter, revision };
      const { header, kvs, more } = await this.#wait(
        this.#endpoints.ask((connection, signal) => connection.range(toRange(request, page), signal)),
        options,
      );
      revision ??= Number(header.revision);
      let bytes = 0;
      for (const kv of kvs) {
        bytes += kv.key.length + kv.value.length;
        items.push(toKeyValue(kv));
      }
      if (!more || items.length >= wanted) return { items, revision, more };
      limit = Math.max(1, Math.min(MAX_PAGE, Math.floor((PAGE_BYTES * kvs.length) / Math.max(1, bytes))));
      startAfter = items.at(-1)?.key;
    }
  }

  async *#watch(request: { readonly prefix: string; readonly fromRevision: number }, outer: AbortSignal): AsyncGenerator<WatchBatch, never> {
    outer.throwIfAborted();
    const connection = this.#endpoints.current;
    const signal = AbortSignal.any([outer, this.#closing.signal]);
    try {
      return yield* watchEtcd(connection, { ...request, signal, confirmTimeoutMs: this.#requestTimeoutMs });
    } catch (error) {
      if (!signal.aborted) this.#endpoints.failed(connection, error);
      throw error;
    }
  }

  /** gRPC ends the call by its deadline; the caller need not wait for that once its signal has aborted or the store is closed. */
  #wait<T>(call: Promise<T>, { signal }: CallOptions): Promise<T> {
    const closing = this.#closing.signal;
    return new Promise<T>((resolve, reject) => {
      const settle = (run: () => void): void => {
        signal?.removeEventListener('abort', onAbort);
        closing.removeEventListener('abort', onClose);
        run();
      };
      const onAbort = (): void => settle(() => reject(signal?.reason as Error));
      const onClose = (): void => settle(() => reject(closing.reason as FleetError));
      signal?.addEventListener('abort', onAbort, { once: true });
      closing.addEventListener('abort', onClose, { once: true });
      call.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(closing.aborted ? (closing.reason as FleetError) : (error as Error))),
      );
    });
  }
}
