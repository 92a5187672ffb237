/** What the parser tells of one response, in this order: head, data (any number), end. */
export interface ResponseEvents {
  readonly onHead: (head: ResponseHead) => void;
  readonly onData: (chunk: Buffer) => void;
  /** `reusable`: the connection can carry another request. */
  readonly onEnd: (reusable: boolean) => void;
}

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
}

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 4096;
const EMPTY: Buffer = Buffer.alloc(0);

type Phase = 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'until-close' | 'done';

/**
 * Reads HTTP/1.1 responses off a byte stream: content length, chunks, or until the connection closes. A small parser of its own, because loading
 * `node:http` costs more than a whole run of the command line (docs/decisions/0060).
 *
 * @throws Error from `write` when the bytes are not HTTP.
 */
export class ResponseParser {
  private phase: Phase = 'head';
  private pending: Buffer = EMPTY;
  private remaining = 0;
  private keepAlive = true;
  private readonly events: ResponseEvents;

  constructor(events: ResponseEvents) {
    this.events = events;
  }

  /** Whether any byte of the response has been seen. */
  get started(): boolean {
    return this.phase !== 'head' || this.pending.length > 0;
  }

  get finished(): boolean {
    return this.phase === 'done';
  }

  write(chunk: Buffer): void {
    let data = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    this.pending = EMPTY;
    for (;;) {
      switch (this.phase) {
        case 'head': {
          const end = data.indexOf('\r\n\r\n');
          if (end === -1) {
            if (data.length > MAX_HEAD_BYTES) throw new Error('malformed HTTP response: header too large');
            this.pending = data;
            return;
          }
          const head = parseHead(data.toString('latin1', 0, end));
          data = data.subarray(end + 4);
          if (head.status < 200) continue;
          this.begin(head);
          continue;
        }
        case 'length':
        case 'chunk-data': {
          if (data.length === 0) return;
          const part = data.subarray(0, this.remaining);
          this.remaining -= part.length;
          data = data.subarray(part.length);
          this.events.onData(part);
          if (this.remaining > 0) return;
          if (this.phase === 'length') this.end();
          else this.phase = 'chunk-end';
          continue;
        }
        case 'until-close':
          if (data.length > 0) this.events.onData(data);
          return;
        case 'chunk-size':
        case 'chunk-end':
        case 'trailer': {
          const end = data.indexOf('\r\n');
          if (end === -1) {
            if (data.length > MAX_LINE_BYTES) throw new Error('malformed HTTP response: line too long');
            this.pending = data;
            return;
          }
          const line = data.toString('latin1', 0, end);
          data = data.subarray(end + 2);
          this.line(line);
          continue;
        }
        case 'done':
          if (data.length > 0) throw new Error('malformed HTTP response: data after its end');
          return;
      }
    }
  }

  /** The connection ended. @throws Error when the response is not complete. */
  close(): void {
    if (this.phase === 'until-close') this.end();
    else if (this.phase !== 'done') throw new Error('unexpected EOF');
  }

  private begin(head: ResponseHead): void {
    const connection = head.headers.get('connection')?.toLowerCase() ?? '';
    this.keepAlive = !connection.includes('close');
    const length = head.headers.get('content-length');
    if (head.status === 204 || head.status === 304) {
      this.events.onHead(head);
      this.end();
    } else if (head.headers.get('transfer-encoding')?.toLowerCase().includes('chunked') === true) {
      this.phase = 'chunk-size';
      this.events.onHead(head);
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new Error(`malformed HTTP response: bad Content-Length ${JSON.stringify(length)}`);
      this.remaining = Number(length);
      this.phase = 'length';
      this.events.onHead(head);
      if (this.remaining === 0) this.end();
    } else {
      this.keepAlive = false;
      this.phase = 'until-close';
      this.events.onHead(head);
    }
  }

  private line(line: string): void {
    if (this.phase === 'chunk-end') {
      if (line !== '') throw new Error('malformed HTTP response: chunk not ended');
      this.phase = 'chunk-size';
    } else if (this.phase === 'trailer') {
      if (line === '') this.end();
    } else {
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw new Error(`malformed HTTP response: bad chunk size ${JSON.stringify(line.slice(0, 40))}`);
      this.remaining = Number.parseInt(size, 16);
      this.phase = this.remaining === 0 ? 'trailer' : 'chunk-data';
    }
  }

  private end(): void {
    this.phase = 'done';
    this.events.onEnd(this.keepAlive);
  }
}

function parseHead(text: string): ResponseHead {
  const lines = text.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0] ?? '');
  if (match === null) throw new Error(`malformed HTTP response ${JSON.stringify((lines[0] ?? '').slice(0, 60))}`);
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error('malformed HTTP response: bad header line');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(match[1]), headers };
}
