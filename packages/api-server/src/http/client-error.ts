import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { resolveV1Path, UNAVAILABLE_MESSAGE, V1_METHODS, V2_PREFIX } from '@fleet/api';
import type { HttpMetrics } from '../metrics/ports.ts';
import { writeJson } from './json-write.ts';
import { parseRequestTarget } from './request-target.ts';

export interface ClientErrorOptions {
  readonly server: string;
  readonly available: () => boolean;
  readonly metrics: Pick<HttpMetrics, 'rejected'>;
}

interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/**
 * Answers what the HTTP parser refuses with the usual error entity and ends the connection. Methods it does not know get
 * the same answers as any other method that a resource does not take.
 */
export function createClientErrorHandler(options: ClientErrorOptions): (error: ParserError, socket: Socket) => void {
  return (error, socket) => {
    const current = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage;
    if (!socket.writable || error.code === 'ECONNRESET' || current?.headersSent === true) {
      socket.destroy();
      return;
    }
    const { status, message } = judge(error, options.available());
    options.metrics.rejected(status === 408 ? 'timeout' : status === 431 ? 'too-large' : 'malformed');
    endWithError(socket, options.server, status, message);
  };
}

/** Writes an error entity to a bare socket and ends it. */
export function endWithError(socket: Socket, server: string, status: number, message: string): void {
  const body = writeJson({ error: { code: status, message } });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Server: ${server}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.on('error', () => undefined);
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // A client that goes on sending would keep the socket half open.
  const timer = setTimeout(() => socket.destroy(), 2_000);
  timer.unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
}

function judge(error: ParserError, available: boolean): { readonly status: number; readonly message: string } {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 431, message: 'the request head is too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, message: 'the request did not arrive in time' };
    case 'HPE_INVALID_METHOD':
      return judgeMethod(error, available);
    default:
      return { status: 400, message: 'malformed request' };
  }
}

function judgeMethod(error: ParserError, available: boolean): { readonly status: number; readonly message: string } {
  const malformed = { status: 400, message: 'malformed request' };
  const text = (error.rawPacket ?? Buffer.alloc(0)).toString('latin1');
  const start = text.lastIndexOf('\n', error.bytesParsed ?? 0) + 1;
  const target = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+ (\S+) HTTP\/1\.[01]\r?\n/.exec(text.slice(start))?.[1];
  if (target === undefined) return malformed;
  const parsed = parseRequestTarget(target);
  if (!available) return { status: 503, message: UNAVAILABLE_MESSAGE };
  if (parsed.kind !== 'path') return malformed;
  if (parsed.path.startsWith(`${V2_PREFIX}/`)) return { status: 405, message: 'unknown method' };
  const resource = resolveV1Path(parsed.path);
  return resource === null ? { status: 404, message: '' } : V1_METHODS[resource.resource].otherwise;
}
