import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { EVENT_STREAM_MEDIA_TYPE, type ChangeKind } from '@fleet/api';
import type { Clock } from '@fleet/runtime';
import type { Glob } from '@fleet/unit-parser';
import type { ClusterView } from '../cache/cluster-view.ts';
import type { UnitTexts } from '../cache/texts.ts';
import type { Limits } from '../http/limits.ts';
import type { HttpMetrics } from '../metrics/ports.ts';
import { ChangeLog, formatEvent, formatFrame, type LoggedBatch, type LoggedEvent } from './change-log.ts';
import { snapshotEvent } from './snapshot.ts';

/** Which events a stream wants; `null` means all. */
export interface StreamFilter {
  /** Equal for filters that let the same through. */
  readonly key: string;
  readonly kinds: ReadonlySet<ChangeKind> | null;
  readonly name: Glob | null;
}

export interface ChangeHubOptions {
  readonly clock: Clock;
  readonly metrics: Pick<HttpMetrics, 'streamOpened' | 'streamClosed'>;
  readonly limits: Pick<Limits, 'streams' | 'streamBufferBytes'>;
  readonly heartbeatMs?: number;
}

interface Client {
  readonly socket: Socket;
  readonly filter: StreamFilter | null;
  /** Number of the next batch to send. */
  position: number;
  /** Bytes of the snapshot it began with, until it has taken them: those may be many, and do not count as slowness. */
  snapshotBytes: number;
  readonly release: () => void;
}

const HEARTBEAT_MS = 15_000;
/** Snapshots of different filters that are kept, of one revision. */
const MAX_SNAPSHOTS = 16;
const END_OF_BODY = '0\r\n\r\n';
const KIND_OF_EVENT: Readonly<Record<LoggedEvent['kind'], ChangeKind>> = { unit: 'units', state: 'states', machine: 'machines' };

/**
 * All open change streams. A change is made into bytes once and the same bytes are written to every stream with the same filter; writing pauses
 * for as long as it took, so that streams never take more than half of the time however many there are. A stream that does
 * not read is cut: its client resumes from the last revision it has.
 */
export class ChangeHub {
  readonly #options: ChangeHubOptions;
  readonly #clients = new Set<Client>();
  #view: ClusterView | undefined;
  #log: ChangeLog | undefined;
  #unsubscribe: (() => void) | undefined;
  #cancelFlush: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #restUntilMs = 0;
  #announced = 0;
  #snapshots: { readonly revision: number; readonly bytes: Map<string, Buffer> } | undefined;

  constructor(options: ChangeHubOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#clients.size;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#options.limits.streams;
  }

  /** Follows a new view. */
  attach(view: ClusterView, texts: UnitTexts): void {
    this.detach();
    const log = new ChangeLog(view, texts);
    this.#view = view;
    this.#log = log;
    this.#announced = view.revision;
    this.#unsubscribe = view.subscribe((change) => {
      if (log.append(change)) this.#scheduleFlush();
    });
  }

  /** The view is gone: so are its streams. */
  detach(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#endAll();
    this.#view = undefined;
    this.#log = undefined;
    this.#snapshots = undefined;
  }

  close(): void {
    this.#endAll();
  }

  /**
   * Turns a response into a stream. `since` is the last revision the client has; without it, or when the log does not
   * reach back to it, the stream starts with everything there is. `release` is called once when the stream has ended.
   */
  open(response: ServerResponse, request: { readonly since: number | undefined; readonly filter: StreamFilter | null }, release: () => void): void {
    const view = this.#view;
    const log = this.#log;
    const { socket } = response;
    if (view === undefined || log === undefined || socket === null || socket.destroyed || socket.readableEnded) {
      release();
      response.destroy();
      return;
    }
    response.writeHead(200, {
      'Content-Type': EVENT_STREAM_MEDIA_TYPE,
      'Cache-Control': 'no-cache',
      'X-Accel-Buffering': 'no',
      'Transfer-Encoding': 'chunked',
    });
    response.flushHeaders();
    const { since, filter } = request;
    const position = since === undefined || since > view.revision ? null : log.positionAfter(since);
    const missed = position === null ? this.#snapshotFor(view, filter) : chunk(framesOf(log.from(position) ?? [], filter));
    const client: Client = { socket, filter, position: log.end, snapshotBytes: missed.length, release };
    write(client, chunk('retry: 1000\n\n'));
    write(client, missed);
    write(client, chunk(progress(view.revision)));
    this.#clients.add(client);
    this.#options.metrics.streamOpened();
    // Whoever follows a stream never ends its own side before it goes.
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      if (this.#forget(client)) this.#options.metrics.streamClosed('client');
    });
    this.#scheduleHeartbeat();
  }

  /** The same bytes for all who come at one revision with the same filter: a thousand clients that reconnect cost one snapshot. */
  #snapshotFor(view: ClusterView, filter: StreamFilter | null): Buffer {
    if (this.#snapshots?.revision !== view.revision || this.#snapshots.bytes.size >= MAX_SNAPSHOTS) this.#snapshots = { revision: view.revision, bytes: new Map() };
    const key = filter?.key ?? '';
    let bytes = this.#snapshots.bytes.get(key);
    if (bytes === undefined) this.#snapshots.bytes.set(key, (bytes = chunk(snapshotText(view, filter))));
    return bytes;
  }

  #isSlow(client: Client): boolean {
    const waiting = client.socket.writableLength;
    if (waiting < client.snapshotBytes) client.snapshotBytes = waiting;
    return waiting > this.#options.limits.streamBufferBytes + client.snapshotBytes;
  }

  #scheduleFlush(): void {
    if (this.#clients.size === 0 || this.#cancelFlush !== undefined) return;
    const { clock } = this.#options;
    this.#cancelFlush = clock.schedule(Math.max(0, this.#restUntilMs - clock.monotonic()), () => {
      this.#cancelFlush = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    const log = this.#log;
    if (log === undefined) return;
    const { clock, metrics } = this.#options;
    const startedMs = clock.monotonic();
    const { end } = log;
    const shared = new Map<string, Buffer | null>();
    /** What a stream has to get; `null` when the log does not reach back to where it is. */
    const bytesFor = ({ position, filter }: Client): Buffer | null => {
      const key = `${position} ${filter?.key ?? ''}`;
      const known = shared.get(key);
      if (known !== undefined) return known;
      const batches = log.from(position);
      const bytes = batches === null ? null : chunk(framesOf(batches, filter));
      shared.set(key, bytes);
      return bytes;
    };
    for (const client of this.#clients) {
      if (client.position === end) continue;
      const bytes = this.#isSlow(client) ? null : bytesFor(client);
      if (bytes === null) {
        this.#forget(client);
        metrics.streamClosed('slow');
        client.socket.destroy();
        continue;
      }
      write(client, bytes);
      client.position = end;
    }
    const endedMs = clock.monotonic();
    this.#restUntilMs = endedMs + (endedMs - startedMs);
  }

  /** A sign of life for idle streams, and the revision that those have reached whose filters let nothing through. */
  #scheduleHeartbeat(): void {
    const { clock, heartbeatMs = HEARTBEAT_MS } = this.#options;
    this.#cancelHeartbeat ??= clock.schedule(heartbeatMs, () => {
      this.#cancelHeartbeat = undefined;
      if (this.#clients.size === 0) return;
      this.#flush();
      const revision = this.#view?.revision ?? 0;
      if (this.#snapshots?.revision !== revision) this.#snapshots = undefined;
      const bytes = chunk(revision > this.#announced ? progress(revision) : ':\n\n');
      this.#announced = revision;
      for (const client of this.#clients) write(client, bytes);
      this.#scheduleHeartbeat();
    });
  }

  #endAll(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = undefined;
    this.#flush();
    for (const client of [...this.#clients]) {
      this.#forget(client);
      this.#options.metrics.streamClosed('server');
      client.socket.end(END_OF_BODY);
    }
  }

  #forget(client: Client): boolean {
    if (!this.#clients.delete(client)) return false;
    client.release();
    return true;
  }
}

/** Written past the response object, which would make three writes of it; the head has told the client to expect chunks. */
function write(client: Client, bytes: Buffer): void {
  if (bytes.length > 0 && client.socket.writable) client.socket.write(bytes);
}

/** Nothing for an empty text: a chunk of length zero would end the body. */
function chunk(text: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  const length = Buffer.byteLength(text);
  return Buffer.from(`${length.toString(16)}\r\n${text}\r\n`);
}

function framesOf(batches: readonly LoggedBatch[], filter: StreamFilter | null): string {
  if (filter === null) return batches.map((batch) => batch.frame).join('');
  return batches
    .map((batch) =>
      formatFrame(
        batch.events.filter((event) => isWanted(event, filter)),
        batch.revision,
      ),
    )
    .join('');
}

function isWanted({ kind, unit }: LoggedEvent, { kinds, name }: StreamFilter): boolean {
  if (kinds?.has(KIND_OF_EVENT[kind]) === false) return false;
  return unit === null || name === null || name.test(unit);
}

function snapshotText(view: ClusterView, filter: StreamFilter | null): string {
  return `id: ${view.revision}\n${formatEvent(snapshotEvent(view, filter))}\n`;
}

function progress(revision: number): string {
  return `id: ${revision}\n${formatEvent({ kind: 'progress', revision })}\n`;
}
