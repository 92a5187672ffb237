import type { Duplex } from 'node:stream';
import { FleetError } from '@fleet/runtime';
import { errorCode, requestFailed, systemErrorText } from '../errors.ts';
import type { Transport } from '../transports/transport.ts';
import { ResponseParser, type ResponseHead } from './response-parser.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query below the endpoint, beginning with `/`. */
  readonly path: string;
  /** Sent as JSON if given. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse extends ResponseHead {
  readonly body: string;
}

export interface HttpStream extends ResponseHead {
  /** Ends when the server ends; throws when the connection breaks or the signal aborts. */
  readonly body: AsyncIterable<Buffer>;
}

export interface HttpClientOptions {
  readonly transport: Transport;
  /** How long one request may take once its connection stands. */
  readonly requestTimeoutMs: number;
  /** Largest answer that is read into memory. */
  readonly maxBodyBytes: number;
  readonly userAgent: string;
  /** Told of each request before it is sent, and again with its status. */
  readonly onRequest?: ((line: string) => void) | undefined;
}

const MAX_IDLE = 4;
/** Unread bytes of a stream after which its connection is not read either, until its reader has caught up. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** HTTP/1.1 over any byte stream, with kept connections. One request at a time per connection. */
export class HttpClient {
  private readonly options: HttpClientOptions;
  private readonly idle: Duplex[] = [];
  private readonly open = new Set<Duplex>();
  private closed = false;

  constructor(options: HttpClientOptions) {
    this.options = options;
  }

  /** The full address of a path, as error messages name it. */
  url(path: string): string {
    return `${this.options.transport.origin}${path}`;
  }

  /**
   * One exchange. A GET whose connection breaks without an answer is sent once more on a new one; nothing else is repeated.
   *
   * @throws FleetError `REQUEST_FAILED` when no whole answer comes. The signal's reason when aborted.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    try {
      return await this.exchange(request);
    } catch (error) {
      if (request.method !== 'GET' || request.signal?.aborted === true || !isBrokenConnection(error)) throw error;
      return await this.exchange(request);
    }
  }

  private async exchange(request: HttpRequest): Promise<HttpResponse> {
    const chunks: Buffer[] = [];
    let size = 0;
    const head = await this.send(request, true, (chunk) => {
      size += chunk.length;
      if (size > this.options.maxBodyBytes) throw new Error(`answer larger than ${this.options.maxBodyBytes} bytes`);
      chunks.push(chunk);
    });
    await head.ended;
    const body = (chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)).toString('utf8');
    return { status: head.status, headers: head.headers, body };
  }

  /** Starts an exchange whose body is read as it comes; the deadline covers the head only. */
  async stream(request: HttpRequest): Promise<HttpStream> {
    const queue: Buffer[] = [];
    let wake: (() => void) | undefined;
    let ended = false;
    let failure: Error | undefined;
    const notify = (): void => {
      wake?.();
      wake = undefined;
    };
    let unread = 0;
    const source: { flow?: (paused: boolean) => void } = {};
    const head = await this.send(request, false, (chunk) => {
      queue.push(chunk);
      unread += chunk.length;
      if (unread > MAX_UNREAD_BYTES) source.flow?.(true);
      notify();
    });
    source.flow = head.flow;
    head.ended.then(
      () => {
        ended = true;
        notify();
      },
      (error: unknown) => {
        failure = error instanceof Error ? error : new Error(String(error));
        ended = true;
        notify();
      },
    );
    async function* read(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          const chunk = queue.shift();
          if (chunk !== undefined) {
            unread -= chunk.length;
            if (unread <= MAX_UNREAD_BYTES) head.flow(false);
            yield chunk;
          } else if (ended) {
            if (failure !== undefined) throw failure;
            return;
          } else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        head.abandon();
      }
    }
    return { status: head.status, headers: head.headers, body: read() };
  }

  /** Ends every connection; requests in flight fail. */
  close(): void {
    this.closed = true;
    for (const socket of this.open) socket.destroy();
    this.open.clear();
    this.idle.length = 0;
    this.options.transport.close();
  }

  private async connection(signal: AbortSignal | undefined): Promise<{ readonly socket: Duplex; readonly reused: boolean }> {
    for (let socket = this.idle.pop(); socket !== undefined; socket = this.idle.pop()) {
      if (!socket.destroyed && socket.writable) return { socket, reused: true };
    }
    const socket = await this.options.transport.connect(signal);
    this.open.add(socket);
    socket.once('close', () => {
      this.open.delete(socket);
      const at = this.idle.indexOf(socket);
      if (at !== -1) this.idle.splice(at, 1);
    });
    return { socket, reused: false };
  }

  private async send(
    request: HttpRequest,
    wholeAnswer: boolean,
    onData: (chunk: Buffer) => void,
  ): Promise<ResponseHead & { readonly ended: Promise<void>; readonly abandon: () => void; readonly flow: (paused: boolean) => void }> {
    const { signal, method } = request;
    const url = this.url(request.path);
    if (this.closed) throw requestFailed(method, url, 'the client is closed');
    signal?.throwIfAborted();
    this.options.onRequest?.(`HTTP ${method} ${url}`);
    let socket: Duplex;
    try {
      ({ socket } = await this.connection(signal));
    } catch (error) {
      signal?.throwIfAborted();
      throw requestFailed(method, url, systemErrorText(error), error);
    }
    if (signal?.aborted === true) {
      socket.destroy();
      throw signal.reason as Error;
    }
    const bytes = this.encode(request);

    return await new Promise((resolveHead, rejectHead) => {
      let settled = false;
      let resolveEnded: () => void = () => undefined;
      let rejectEnded: (error: Error) => void = () => undefined;
      const ended = new Promise<void>((resolve, reject) => {
        resolveEnded = resolve;
        rejectEnded = reject;
      });
      ended.catch(() => undefined);
      const fail = (error: Error): void => {
        if (settled) return;
        settled = true;
        detach();
        socket.destroy();
        rejectHead(error);
        rejectEnded(error);
      };
      const broken = (why: string, cause?: unknown): void => fail(requestFailed(method, url, why, cause));
      const deadline = setTimeout(
        () => broken(`no answer within ${this.options.requestTimeoutMs / 1000}s`, new FleetError('deadline exceeded', { code: 'DEADLINE_EXCEEDED', kind: 'unavailable' })),
        this.options.requestTimeoutMs,
      );
      const parser = new ResponseParser({
        onHead: (head) => {
          if (!wholeAnswer) clearTimeout(deadline);
          this.options.onRequest?.(`HTTP ${method} ${url} ${head.status}`);
          const flow = (paused: boolean): void => {
            if (paused) socket.pause();
            else if (socket.isPaused()) socket.resume();
          };
          resolveHead({ ...head, ended, abandon: () => fail(new Error('the reader went away')), flow });
        },
        onData,
        onEnd: (reusable) => {
          settled = true;
          detach();
          if (reusable && this.idle.length < MAX_IDLE && !this.closed) this.idle.push(socket.resume());
          else socket.destroy();
          resolveEnded();
        },
      });
      const read = (chunk: Buffer): void => {
        try {
          parser.write(chunk);
        } catch (error) {
          broken(systemErrorText(error), error);
        }
      };
      const onEnd = (): void => {
        try {
          parser.close();
        } catch (error) {
          broken(parser.started ? 'unexpected EOF' : 'EOF', error);
        }
      };
      const onError = (error: unknown): void => broken(errorCode(error) === 'ECONNRESET' && !parser.started ? 'EOF' : systemErrorText(error), error);
      const onAbort = (): void => fail(signal?.reason as Error);
      const detach = (): void => {
        clearTimeout(deadline);
        socket.off('data', read).off('end', onEnd).off('close', onEnd).off('error', onError);
        socket.on('error', ignore);
        signal?.removeEventListener('abort', onAbort);
      };
      socket.off('error', ignore);
      socket.on('data', read).on('end', onEnd).on('close', onEnd).on('error', onError);
      signal?.addEventListener('abort', onAbort, { once: true });
      socket.write(bytes);
    });
  }

  private encode(request: HttpRequest): string {
    const { transport, userAgent } = this.options;
    const lines = [`${request.method} ${transport.pathPrefix}${request.path} HTTP/1.1`, `Host: ${transport.host}`, `User-Agent: ${userAgent}`];
    for (const [name, value] of Object.entries(request.headers ?? {})) lines.push(`${name}: ${value}`);
    if (request.body === undefined) {
      if (request.method !== 'GET') lines.push('Content-Length: 0');
      return `${lines.join('\r\n')}\r\n\r\n`;
    }
    const body = `${JSON.stringify(request.body)}\n`;
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
    return `${lines.join('\r\n')}\r\n\r\n${body}`;
  }
}

function ignore(): void {
  // An idle connection may break at any time; the next request opens another.
}

function isBrokenConnection(error: unknown): boolean {
  return error instanceof FleetError && error.code === 'REQUEST_FAILED' && (error.message.endsWith('EOF') || error.message.endsWith('broken pipe') || error.message.endsWith('reset by peer'));
}
