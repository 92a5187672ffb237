import { storeTimeout, storeUnavailable } from '../store-errors.ts';
import type { Int64 } from './messages.ts';
import type { EtcdStream } from './connection.ts';

export interface KeepAliveRequest {
  readonly ID: string;
}

export interface KeepAliveResponse {
  readonly ID: Int64;
  /** Seconds; 0 for a lease that has ended. */
  readonly TTL: Int64;
}

type KeepAliveStream = EtcdStream<KeepAliveRequest, KeepAliveResponse>;

export interface LeaseStreamOptions {
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly open: () => Promise<KeepAliveStream>;
}

interface Waiter {
  readonly lease: string;
  readonly resolve: (ttlSeconds: number) => void;
  readonly reject: (error: unknown) => void;
}

/** One gRPC stream with those who wait for an answer on it. */
class OpenStream {
  readonly stream: KeepAliveStream;
  readonly waiting = new Set<Waiter>();
  /** Resolves when no answer will come any more. */
  ended: Promise<void> = Promise.resolve();

  constructor(stream: KeepAliveStream) {
    this.stream = stream;
  }
}

/**
 * The keepalives of all leases at one endpoint, over one stream that stays open: a stream for each would cost both sides
 * more than the keepalive itself. A stream that leaves one unanswered is given up; the next keepalive opens another.
 */
export class LeaseStream {
  readonly #options: LeaseStreamOptions;
  #opening: Promise<OpenStream> | undefined;
  #closed = false;

  constructor(options: LeaseStreamOptions) {
    this.#options = options;
  }

  /** Seconds the lease lasts from now; 0 when it has ended. Rejects with what gRPC says, `STORE_TIMEOUT`, or the signal's reason. */
  async keepAlive(lease: string, signal: AbortSignal): Promise<number> {
    const { endpoint, timeoutMs } = this.#options;
    const opening = (this.#opening ??= this.#begin());
    let giveUp = (_reason: unknown): void => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const timer = setTimeout(() => giveUp(storeTimeout(`etcd at ${endpoint} did not answer a keepalive within ${timeoutMs} ms`)), timeoutMs);
    const onAbort = (): void => giveUp(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([givenUp, opening.then((open) => this.#ask(open, lease))]);
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      opening.then(({ stream }) => stream.cancel()).catch(() => undefined);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.#closed = true;
    this.#opening?.then(({ stream }) => stream.cancel()).catch(() => undefined);
    this.#opening = undefined;
  }

  /** Forgets the stream when it ends, also while nobody asks for anything: the next keepalive has no time to find out. */
  #begin(): Promise<OpenStream> {
    const opening = this.#open();
    const forget = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.then(({ ended }) => ended).then(forget, forget);
    return opening;
  }

  async #open(): Promise<OpenStream> {
    const open = new OpenStream(await this.#options.open());
    // Closed while it was being opened.
    if (this.#closed) open.stream.cancel();
    open.ended = this.#read(open);
    return open;
  }

  #ask(open: OpenStream, lease: string): Promise<number> {
    return new Promise((resolve, reject) => {
      open.waiting.add({ lease, resolve, reject });
      open.stream.write({ ID: lease });
    });
  }

  /** Hands the answers out until the stream ends; never rejects. */
  async #read({ stream, waiting }: OpenStream): Promise<void> {
    let failure: unknown;
    try {
      for await (const { ID, TTL } of stream) {
        for (const waiter of waiting) {
          if (waiter.lease !== String(ID)) continue;
          waiting.delete(waiter);
          waiter.resolve(Number(TTL));
        }
      }
      failure = storeUnavailable(`etcd at ${this.#options.endpoint} ended the stream of keepalives`);
    } catch (error) {
      failure = error;
    }
    for (const waiter of waiting) waiter.reject(failure);
    waiting.clear();
  }
}
