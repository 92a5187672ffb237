import { storeUnavailable } from '../store-errors.ts';
import type { EtcdStream, EtcdWatchCreate, EtcdWatchRequest } from './connection.ts';
import type { EtcdWatchResponse } from './messages.ts';

type WatchStream = EtcdStream<EtcdWatchRequest, EtcdWatchResponse>;

/** The responses to one watch, in order. Ends when it is cancelled, fails when the stream below it does. */
export interface WatchFeed extends AsyncIterable<EtcdWatchResponse> {
  cancel(): void;
}

/**
 * The watches at one endpoint, all over one gRPC stream: a stream costs etcd some tens of kilobytes, and a daemon has
 * seven watches (docs/decisions/0035). A stream that refuses a watch or leaves it unconfirmed gets no further ones (its login may have
 * expired); those it carries go on.
 */
export class WatchStreams {
  readonly #open: () => Promise<WatchStream>;
  #current: Promise<SharedStream> | undefined;
  readonly #streams = new Set<SharedStream>();
  #closed = false;

  constructor(open: () => Promise<WatchStream>) {
    this.#open = open;
  }

  async watch(request: EtcdWatchCreate): Promise<WatchFeed> {
    for (;;) {
      const opening = (this.#current ??= this.#start());
      try {
        const shared = await opening;
        const feed = shared.add(request, () => this.#retire(opening));
        if (feed !== undefined) return feed;
      } catch (error) {
        this.#retire(opening);
        throw error;
      }
      // It has ended since.
      this.#retire(opening);
    }
  }

  close(): void {
    this.#closed = true;
    for (const shared of this.#streams) shared.cancel();
  }

  #retire(opening: Promise<SharedStream>): void {
    if (this.#current === opening) this.#current = undefined;
  }

  async #start(): Promise<SharedStream> {
    const stream = await this.#open();
    if (this.#closed) {
      stream.cancel();
      throw storeUnavailable('the connection to etcd is closed');
    }
    const shared = new SharedStream(stream);
    this.#streams.add(shared);
    void shared.read().finally(() => this.#streams.delete(shared));
    return shared;
  }
}

class SharedStream {
  readonly #stream: WatchStream;
  readonly #feeds = new Map<string, Feed>();
  #lastId = 0;
  #ended = false;

  constructor(stream: WatchStream) {
    this.#stream = stream;
  }

  /** Undefined when the stream has ended. `onRefused` is called when this stream should get no further watches. */
  add(request: EtcdWatchCreate, onRefused: () => void): WatchFeed | undefined {
    if (this.#ended) return undefined;
    // Ids of our own choice, known to etcd from 3.4 on.
    const id = String((this.#lastId += 1));
    const feed = new Feed(() => {
      if (!feed.confirmed) onRefused();
      this.#remove(id);
    });
    this.#feeds.set(id, feed);
    this.#stream.write({ create_request: { ...request, watch_id: id } });
    return feed;
  }

  cancel(): void {
    this.#ended = true;
    this.#stream.cancel();
  }

  /** Hands the responses out until the stream ends; never rejects. */
  async read(): Promise<void> {
    let failure: unknown;
    try {
      for await (const response of this.#stream) {
        const feed = this.#feeds.get(String(response.watch_id)) ?? (response.created && response.canceled ? this.#oldestUnconfirmed() : undefined);
        if (feed === undefined) continue;
        if (response.created && !response.canceled) feed.confirmed = true;
        feed.push(response);
      }
      failure = storeUnavailable('etcd ended the stream of watches');
    } catch (error) {
      failure = error;
    }
    this.#ended = true;
    for (const feed of this.#feeds.values()) feed.fail(failure);
    this.#feeds.clear();
  }

  /** Later versions of etcd refuse a watch without naming it. They answer in the order of the requests. */
  #oldestUnconfirmed(): Feed | undefined {
    for (const feed of this.#feeds.values()) if (!feed.confirmed) return feed;
    return undefined;
  }

  #remove(id: string): void {
    if (!this.#feeds.delete(id) || this.#ended) return;
    if (this.#feeds.size === 0) this.cancel();
    else this.#stream.write({ cancel_request: { watch_id: id } });
  }
}

/** A queue between the one reader of the stream and the reader of one watch. */
class Feed implements WatchFeed {
  confirmed = false;
  readonly #onCancel: () => void;
  #waiting: EtcdWatchResponse[] = [];
  #failure: { readonly error: unknown } | undefined;
  #cancelled = false;
  #wake: (() => void) | undefined;

  constructor(onCancel: () => void) {
    this.#onCancel = onCancel;
  }

  push(response: EtcdWatchResponse): void {
    this.#waiting.push(response);
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#wake?.();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#onCancel();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EtcdWatchResponse, void> {
    // It may be cancelled while its reader has what was yielded.
    const cancelled = (): boolean => this.#cancelled;
    while (!cancelled()) {
      const responses = this.#waiting;
      this.#waiting = [];
      yield* responses;
      if (this.#waiting.length > 0 || cancelled()) continue;
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
