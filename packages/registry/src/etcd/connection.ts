import { castGrpcError, Etcd3, EtcdAuthenticationFailedError, EtcdInvalidAuthTokenError, EtcdLeaseInvalidError, EtcdPermissionDeniedError, GRPCCancelledError, GRPCDeadlineExceededError, GRPCResourceExhastedError, GRPCUnauthenticatedError, type IOptions } from 'etcd3';
import { FleetError, isFleetError } from '@fleet/runtime';
import { leaseNotFound, requestInvalid, requestTooLarge, storeCompacted, storeDenied, storeTimeout, storeUnavailable } from '../store-errors.ts';
import { LeaseStream, type KeepAliveRequest, type KeepAliveResponse } from './lease-stream.ts';
import type { EtcdHeader, EtcdKeyValue, EtcdRangeRequest, EtcdTransaction, EtcdWatchResponse, Int64 } from './messages.ts';
import { WatchStreams, type WatchFeed } from './watch-streams.ts';

// The only file that imports etcd3. Used of it: the gRPC stubs, the connection, the login. Not used: its watcher, leases,
// elections and retries, which lose events, notice loss late, elect two and repeat writes.

export interface ConnectionOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly requestTimeoutMs: number;
}

/** PEM texts. The server is always verified: against `ca`, or the authorities Node knows. */
export interface TlsOptions {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
}

/** A stream in both directions, as gRPC gives it. `cancel` ends it at once, whatever the peer does. */
export interface EtcdStream<Request, Response> extends AsyncIterable<Response> {
  write(message: Request): unknown;
  end(): unknown;
  cancel(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface EtcdWatchCreate {
  readonly key: Buffer;
  readonly range_end: Buffer;
  readonly start_revision: number;
  readonly progress_notify: boolean;
  readonly fragment: boolean;
}

export type EtcdWatchRequest = { readonly create_request: EtcdWatchCreate & { readonly watch_id: string } } | { readonly cancel_request: { readonly watch_id: string } };

/** Calls to one endpoint, each with a deadline, its failures translated. Never tries anything twice. */
export interface Connection {
  readonly endpoint: string;
  /** Ends early with the signal, as a failure that says nothing. */
  range(request: EtcdRangeRequest, signal?: AbortSignal): Promise<{ readonly header: EtcdHeader; readonly kvs: readonly EtcdKeyValue[]; readonly more: boolean }>;
  transaction(request: EtcdTransaction): Promise<{ readonly header: EtcdHeader; readonly succeeded: boolean }>;
  compact(revision: number): Promise<void>;
  /** Resolves to the seconds granted, which may be more. */
  grantLease(id: string, ttlSeconds: number): Promise<number>;
  /** Seconds the lease lasts from now; 0 when it has ended. Ends early with the signal. */
  keepAlive(lease: string, signal: AbortSignal): Promise<number>;
  /** Both in whole seconds, what is left rounded down; -1 for a lease that has ended. */
  readLease(lease: string, signal: AbortSignal): Promise<{ readonly left: number; readonly granted: number }>;
  revokeLease(lease: string): Promise<void>;
  watch(request: EtcdWatchCreate): Promise<WatchFeed>;
  translate(error: unknown): FleetError;
  close(): void;
}

const CHANNEL_OPTIONS: NonNullable<IOptions['grpcOptions']> = {
  // A peer that is stopped or cut off is noticed within 7 s. etcd answers pings more often than every 5 s with a goodbye.
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
  // A watch that catches up may be sent more than the default of 4 MiB in one message, and would otherwise fail for ever.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // gRPC's own retries could repeat a write.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** gRPC gives the making of a connection no time limit: where packets vanish the kernel tries for minutes, and a peer that accepts and says nothing is waited for without end. */
const CONNECT_DEADLINE_MS = 3_000;
const CONNECTING = 1;
const SERVICES = ['KV', 'Lease', 'Watch'] as const;

/** Carries a call out once: no circuit breaker that stays open after etcd is back, no retry. */
const once = { execute: (run: () => unknown) => run() } as unknown as NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

type Method<T> = (request: unknown, metadata: unknown, options: { readonly deadline: Date }, done: (error: Error | null, response: T) => void) => { cancel(): void };
interface Channelled {
  getChannel(): { getConnectivityState(connect: boolean): number };
}
type StreamMethod<T> = (metadata: unknown) => T;

/** etcd3 keeps its pool for subclasses. Through it calls get the channel and the login, without what etcd3 adds around a call. */
class Client extends Etcd3 {
  /** A call whose login has expired is sent once more with a new one; etcd has refused the first before doing anything. */
  async call<T>(service: 'KV' | 'Lease', method: string, request: object, deadline: () => Date, signal?: AbortSignal): Promise<T> {
    try {
      return await this.#send(service, method, request, deadline(), signal);
    } catch (error) {
      if (!(error instanceof EtcdInvalidAuthTokenError)) throw error;
      this.#forgetLogin();
      return this.#send(service, method, request, deadline(), signal);
    }
  }

  openStream<Request, Response>(service: 'Watch' | 'Lease', method: string): Promise<EtcdStream<Request, Response>> {
    return this.pool.withConnection(service, ({ client, metadata }) => {
      const own = metadata.clone();
      // As etcd clientv3 WithRequireLeader: a member cut off from its quorum ends the stream instead of staying silent.
      own.set('hasleader', 'true');
      const open = methodOf(client, method) as StreamMethod<EtcdStream<Request, Response>>;
      const stream = open.call(client, own);
      // A stream's failure reaches its reader; without any listener it would end the process when there is no reader yet.
      stream.on('error', () => undefined);
      return stream;
    });
  }

  /** Whether a connection is being made, for any of the services; they share one. */
  async isConnecting(): Promise<boolean> {
    const states = SERVICES.map((service) => this.pool.withConnection(service, ({ client }) => (client as unknown as Channelled).getChannel().getConnectivityState(false)));
    return (await Promise.all(states)).includes(CONNECTING);
  }

  // The failure is handed out as a value: on one that is thrown, the pool closes the channel, and with it every watch on it.
  // gRPC reconnects by itself.
  async #send<T>(service: 'KV' | 'Lease', method: string, request: object, deadline: Date, signal: AbortSignal | undefined): Promise<T> {
    const outcome = await this.pool.withConnection(
      service,
      ({ client, metadata }) =>
        new Promise<{ readonly error: Error | null; readonly response: T }>((resolve) => {
          const call = (methodOf(client, method) as Method<T>).call(client, request, metadata, { deadline }, (error, response) => {
            signal?.removeEventListener('abort', onAbort);
            resolve({ error, response });
          });
          const onAbort = (): void => call.cancel();
          signal?.addEventListener('abort', onAbort, { once: true });
          if (signal?.aborted === true) onAbort();
        }),
    );
    if (outcome.error !== null) throw castGrpcError(outcome.error);
    return outcome.response;
  }

  #forgetLogin(): void {
    (this.pool as unknown as { readonly authenticator: { invalidateMetadata(): void } }).authenticator.invalidateMetadata();
  }
}

function methodOf(client: object, method: string): unknown {
  const found = (client as Record<string, unknown>)[method];
  if (typeof found !== 'function') throw new Error(`etcd3 knows no call ${method}`);
  return found;
}

export function createConnection(options: ConnectionOptions): Connection {
  const { endpoint, requestTimeoutMs } = options;
  const deadline = (): Date => new Date(Date.now() + requestTimeoutMs);
  const createClient = (attempt: number): Client =>
    new Client({
      hosts: endpoint,
      faultHandling: { host: () => once, global: once },
      // gRPC shares connections between channels whose options are equal: this one tells them apart.
      grpcOptions: { ...CHANNEL_OPTIONS, 'fleet.attempt': attempt },
      defaultCallOptions: (context) => (context.isStream ? {} : { deadline: deadline() }),
      ...(options.username === undefined || options.username === '' ? {} : { auth: { username: options.username, password: options.password ?? '' } }),
      ...(endpoint.startsWith('https:') ? { credentials: credentialsOf(options.tls) } : {}),
    });
  let attempt = 1;
  let client = createClient(attempt);
  let closed = false;
  let connectingSince: number | undefined;
  /** Gives up a connection whose making hangs, and begins with a new one. */
  const renewIfStuck = async (): Promise<void> => {
    if (!(await client.isConnecting())) {
      connectingSince = undefined;
      return;
    }
    connectingSince ??= performance.now();
    if (closed || performance.now() - connectingSince < CONNECT_DEADLINE_MS) return;
    connectingSince = undefined;
    client.close();
    client = createClient((attempt += 1));
  };
  const leases = new LeaseStream({ endpoint, timeoutMs: requestTimeoutMs, open: () => client.openStream<KeepAliveRequest, KeepAliveResponse>('Lease', 'leaseKeepAlive') });
  const watches = new WatchStreams(() => client.openStream<EtcdWatchRequest, EtcdWatchResponse>('Watch', 'watch'));
  const translate = (error: unknown): FleetError => translateError(endpoint, requestTimeoutMs, error);
  const call = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      const result = await run();
      connectingSince = undefined;
      return result;
    } catch (error) {
      const failure = translate(error);
      // A client that was closed meanwhile does not answer; there is nothing to renew then.
      if (isFleetError(failure, 'STORE_TIMEOUT')) renewIfStuck().catch(() => undefined);
      throw failure;
    }
  };
  return {
    endpoint,
    range: (request, signal) => call(() => client.call('KV', 'range', request, deadline, signal)),
    transaction: (request) => call(() => client.call('KV', 'txn', request, deadline)),
    compact: (revision) => call(() => client.call('KV', 'compact', { revision }, deadline)),
    grantLease: (id, ttlSeconds) =>
      call(async () => {
        const { TTL } = await client.call<{ readonly TTL: Int64 }>('Lease', 'leaseGrant', { ID: id, TTL: ttlSeconds }, deadline);
        return Number(TTL);
      }),
    keepAlive: (lease, signal) => call(() => leases.keepAlive(lease, signal)),
    readLease: (lease, signal) =>
      call(async () => {
        const { TTL, grantedTTL } = await client.call<{ readonly TTL: Int64; readonly grantedTTL: Int64 }>('Lease', 'leaseTimeToLive', { ID: lease, keys: false }, deadline, signal);
        return { left: Number(TTL), granted: Number(grantedTTL) };
      }),
    revokeLease: (lease) => call(() => client.call('Lease', 'leaseRevoke', { ID: lease }, deadline)),
    watch: (request) => call(() => watches.watch(request)),
    translate,
    close: () => {
      closed = true;
      leases.close();
      watches.close();
      client.close();
    },
  };
}

// `rootCertificate` may be missing (gRPC then takes Node's authorities), which etcd3's types do not know.
function credentialsOf(tls: TlsOptions = {}): NonNullable<IOptions['credentials']> {
  const pem = (text: string | Buffer | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return { rootCertificate: pem(tls.ca), privateKey: pem(tls.key), certChain: pem(tls.cert) } as unknown as NonNullable<IOptions['credentials']>;
}

/** Whether the failure shows that the request never left this computer, so that even a write may go elsewhere. */
export function neverSent(error: FleetError): boolean {
  return error.cause instanceof Error && /No connection established|Name resolution failed|Channel closed before call started/.test(error.cause.message);
}

const MESSAGES: readonly { readonly pattern: RegExp; readonly make: (what: string, cause: unknown) => FleetError }[] = [
  { pattern: /revision has been compacted/, make: (_, cause) => storeCompacted(0, undefined, cause) },
  { pattern: /required revision is a future revision/, make: requestInvalid },
  { pattern: /request is too large|too many operations/, make: requestTooLarge },
  { pattern: /duplicate key|key is not provided/, make: requestInvalid },
  { pattern: /request timed out/, make: storeTimeout },
  { pattern: /user name is empty|authentication is not enabled/, make: storeDenied },
  {
    pattern: /database space exceeded/,
    make: (what, cause) => new FleetError(what, { code: 'STORE_UNAVAILABLE', kind: 'unavailable', cause, remedy: 'compact and defragment etcd, then disarm the NOSPACE alarm (etcdctl alarm disarm)' }),
  },
];

function translateError(endpoint: string, timeoutMs: number, raw: unknown): FleetError {
  if (isFleetError(raw)) return raw;
  // Failures of streams come as gRPC made them; those of calls have their class already.
  const error = raw instanceof Error ? castGrpcError(raw) : raw;
  const message = error instanceof Error ? error.message.replace(/^\w+: /, '') : String(error);
  const what = `etcd at ${endpoint}: ${message}`;
  if (error instanceof EtcdLeaseInvalidError) return leaseNotFound('named in the request', error);
  if (error instanceof EtcdAuthenticationFailedError || error instanceof EtcdPermissionDeniedError || error instanceof EtcdInvalidAuthTokenError || error instanceof GRPCUnauthenticatedError) return storeDenied(what, error);
  for (const { pattern, make } of MESSAGES) if (pattern.test(message)) return make(what, error);
  if (error instanceof GRPCDeadlineExceededError) return storeTimeout(`etcd at ${endpoint} did not answer within ${timeoutMs} ms`, error);
  if (error instanceof GRPCResourceExhastedError) return requestTooLarge(what, error);
  if (error instanceof GRPCCancelledError) return storeUnavailable(`etcd at ${endpoint}: the call was cancelled`, error);
  return storeUnavailable(what, error);
}
