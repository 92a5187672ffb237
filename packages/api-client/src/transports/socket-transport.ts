import { connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemErrorText } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { secure, type TlsFiles } from './tls.ts';
import type { Transport } from './transport.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** Straight to a unix socket or a TCP port. */
export function createSocketTransport(endpoint: Endpoint, tls: TlsFiles): Transport {
  if (endpoint.kind === 'unix') {
    const { path } = endpoint;
    return {
      origin: 'http://domain-sock',
      host: 'domain-sock',
      pathPrefix: '',
      connect: (signal) => open(() => connectSocket({ path }), `unix ${path}`, signal),
      close: () => undefined,
    };
  }
  const { hostname, port } = endpoint;
  return {
    ...originOf(endpoint),
    connect: async (signal) => {
      const socket = await open(() => connectSocket({ host: hostname, port, noDelay: true }), `tcp ${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`, signal);
      return endpoint.tls ? await secure(socket, hostname, tls, signal) : socket;
    },
    close: () => undefined,
  };
}

/** The parts of a transport that name a TCP endpoint. */
export function originOf(endpoint: Extract<Endpoint, { kind: 'tcp' }>): Pick<Transport, 'origin' | 'host' | 'pathPrefix'> {
  const host = endpoint.authority.replace(/^[^@]*@/, '');
  return { origin: `${endpoint.tls ? 'https' : 'http'}://${host}${endpoint.pathPrefix}`, host, pathPrefix: endpoint.pathPrefix };
}

function open(dial: () => Socket, what: string, signal: AbortSignal | undefined): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = dial();
    const finish = (error: Error | undefined): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('connect', onConnect);
      if (error === undefined) resolve(socket);
      else {
        socket.on('error', () => undefined).destroy();
        reject(error);
      }
    };
    const onError = (error: unknown): void => finish(new Error(`dial ${what}: connect: ${systemErrorText(firstOf(error))}`, { cause: error }));
    const onConnect = (): void => finish(undefined);
    const onAbort = (): void => finish(signal?.reason as Error);
    const timer = setTimeout(() => finish(new Error(`dial ${what}: i/o timeout`)), CONNECT_TIMEOUT_MS);
    socket.once('error', onError).once('connect', onConnect);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A name with several addresses fails with one error per address; the first says enough. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors[0] as unknown) : error;
}
