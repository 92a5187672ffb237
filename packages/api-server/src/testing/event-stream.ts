import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { changeEventSchema, type ChangeEvent } from '@fleet/api';

export interface StreamedEvent {
  /** The `id:` line, if there was one. */
  readonly id: string | undefined;
  readonly event: ChangeEvent;
}

/** Reads a change stream one event at a time, checking each against the schema. */
export class EventStream implements Disposable {
  readonly #response: IncomingMessage;
  readonly #events: StreamedEvent[] = [];
  readonly #waiting: ((event: StreamedEvent | null) => void)[] = [];
  #text = '';
  #ended = false;
  #comments = 0;

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      this.#read(text);
    });
    const end = (): void => {
      this.#ended = true;
      for (const resolve of this.#waiting.splice(0)) resolve(null);
    };
    response.on('end', end).on('error', end).on('close', end);
  }

  static async open(address: { readonly host: string; readonly port: number }, path: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStream> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ ...address, path, headers, agent: false }, resolve).on('error', reject);
    });
    if (response.statusCode !== 200) throw new Error(`GET ${path}: status ${response.statusCode ?? 0}`);
    return new EventStream(response);
  }

  get headers(): IncomingHttpHeaders {
    return this.#response.headers;
  }

  /** Comment lines so far. */
  get comments(): number {
    return this.#comments;
  }

  /** The next event; `null` at the end. */
  async next(): Promise<StreamedEvent | null> {
    const event = this.#events.shift();
    if (event !== undefined) return event;
    if (this.#ended) return null;
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next events up to one that `isLast`. */
  async until(isLast: (event: ChangeEvent) => boolean): Promise<readonly StreamedEvent[]> {
    const events: StreamedEvent[] = [];
    for (;;) {
      const event = await this.next();
      if (event === null) throw new Error(`the stream ended after ${events.length} events`);
      events.push(event);
      if (isLast(event.event)) return events;
    }
  }

  /** Stops reading, so that the server sees a slow client. */
  pause(): void {
    this.#response.pause();
  }

  [Symbol.dispose](): void {
    this.#response.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end < 0) return;
      const lines = this.#text.slice(0, end).split('\n');
      this.#text = this.#text.slice(end + 2);
      const field = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (lines[0]?.startsWith(':') === true) this.#comments += 1;
      const data = field('data');
      if (data === undefined) continue;
      const event = changeEventSchema.parse(JSON.parse(data)) as ChangeEvent;
      if (field('event') !== event.kind) throw new Error(`event ${field('event') ?? ''} carries ${event.kind}`);
      const streamed = { id: field('id'), event };
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#events.push(streamed);
      else waiting(streamed);
    }
  }
}
