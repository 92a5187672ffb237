import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { describeError, FleetError, type Logger } from '@fleet/runtime';
import type { Limits } from '../http/limits.ts';
import { checkListener, describeListener, isLoopback, type ListenerSpec, type TlsFiles } from './specs.ts';
import { listenOnUnixSocket } from './unix-socket.ts';

export interface ListenerOptions {
  readonly limits: Limits;
  readonly logger: Logger;
  readonly handler: RequestListener;
  readonly onClientError: (error: Error, socket: Socket) => void;
  /** A request to be a proxy. */
  readonly onConnect: (socket: Socket) => void;
  /** A request with an `Expect` other than `100-continue`. */
  readonly onExpectation: RequestListener;
}

/** A server that accepts connections. */
export interface Listener {
  readonly spec: ListenerSpec;
  /** Path of a unix socket, or host and port. */
  readonly address: string | { readonly host: string; readonly port: number };
  /** Stops accepting; resolves when all connections have ended. Idle ones are ended at once. */
  readonly close: () => Promise<void>;
  /** Ends all connections now. */
  readonly destroy: () => void;
}

/** So that all clients may come back at once after a restart; the system may allow less. */
const BACKLOG = 4_096;

/**
 * Starts to listen.
 *
 * @throws FleetError what {@link checkListener} and the unix socket throw, `TLS_FILE_UNREADABLE`, `LISTEN_FAILED`.
 */
export async function openListener(spec: ListenerSpec, options: ListenerOptions): Promise<Listener> {
  checkListener(spec);
  const { logger, limits } = options;
  const server = createServer(spec, options);
  server.maxConnections = limits.connections;
  // A client may end its side once it has asked, as `nc -N` and socat do, and wants its answer all the same (as Go `net/http`).
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('clientError', options.onClientError);
  server.timeout = limits.unreadTimeoutMs;
  server.on('connect', (_request, socket: Socket) => options.onConnect(socket));
  server.on('checkExpectation', options.onExpectation);
  server.on('drop', () => logger.warn('connection refused, too many', { listener: describeListener(spec), limit: limits.connections }));
  let remove = (): void => undefined;
  if (spec.kind === 'unix') remove = await listenOnUnixSocket(server, { path: spec.path, mode: spec.mode ?? 0o660, group: spec.group, backlog: BACKLOG });
  else await listen(server, spec);
  server.on('error', (error) => logger.error('listener failed', { listener: describeListener(spec), reason: describeError(error) }));
  const address = spec.kind === 'unix' ? spec.path : addressOf(server);
  if ((spec.kind !== 'tcp' || spec.tls === undefined) && typeof address !== 'string' && !isLoopback(address.host)) {
    logger.warn('API is served to others without TLS: whoever can connect can run anything as root', { listener: describeListener(spec) });
  }
  return {
    spec,
    address,
    close: async () => {
      remove();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
      });
    },
    destroy: () => {
      server.closeAllConnections();
    },
  };
}

function createServer(spec: ListenerSpec, { limits, handler }: ListenerOptions): Server {
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    // The front answers a missing Host itself, with the usual error body.
    requireHostHeader: false,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    noDelay: true,
  };
  if (spec.kind !== 'tcp' || spec.tls === undefined) return createPlainServer(options, handler);
  return createTlsServer({ ...options, ...readTlsFiles(spec.tls), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', handshakeTimeout: limits.headersTimeoutMs }, handler);
}

function readTlsFiles(files: TlsFiles): { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer } {
  const read = (what: string, file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new FleetError(`${what} ${file} cannot be read: ${describeError(error)}`, { code: 'TLS_FILE_UNREADABLE', kind: 'invalid', cause: error, remedy: 'check the path and its permissions' });
    }
  };
  return { cert: read('server certificate', files.certFile), key: read('key', files.keyFile), ca: read('client CA', files.clientCaFile) };
}

async function listen(server: Server, spec: Exclude<ListenerSpec, { kind: 'unix' }>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: unknown): void => {
      reject(
        new FleetError(`cannot listen on ${describeListener(spec)}: ${describeError(error)}`, {
          code: 'LISTEN_FAILED',
          kind: 'invalid',
          cause: error,
          remedy: spec.kind === 'fd' ? 'the socket unit must pass listening stream sockets only' : 'choose another address or port',
        }),
      );
    };
    server.once('error', onError);
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    if (spec.kind === 'fd') server.listen({ fd: spec.fd }, onListening);
    else server.listen({ host: spec.host, port: spec.port, backlog: BACKLOG }, onListening);
  });
}

function addressOf(server: Server): Listener['address'] {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') return address ?? '';
  return { host: address.address, port: address.port };
}
