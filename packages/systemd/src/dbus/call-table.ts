import type { Clock } from '@fleet/runtime';

import { systemdTimeout } from '../errors.ts';
import type { WireCall, WireMessage } from './wire.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time for the answer, from when the call is sent: those before it in the queue have deadlines of their own. */
  readonly timeoutMs: number;
}

/** An error reply, with its D-Bus name. */
export class BusError extends Error {
  readonly busName: string;

  constructor(busName: string, text: string) {
    super(text === '' ? busName : text);
    this.name = 'BusError';
    this.busName = busName;
  }
}

interface Entry {
  readonly call: WireCall;
  readonly resolve: (body: readonly unknown[]) => void;
  readonly reject: (error: unknown) => void;
  readonly timeoutMs: number;
  /** Removes the abort listener. */
  readonly release: () => void;
  cancelDeadline: () => void;
  settled: boolean;
  timedOut: boolean;
}

export interface CallTableOptions {
  readonly clock: Clock;
  /** Calls in flight at a time: a bus daemon refuses more than 128 pending replies per connection. */
  readonly window: number;
  readonly send: (call: WireCall) => number;
  /** Told when so many calls went unanswered that the other side must be taken for dead. */
  readonly onStuck: () => void;
}

/** Calls that wait for their reply or for their turn. Every one ends: by its reply, its deadline, its signal or the end of the connection. */
export class CallTable {
  readonly #options: CallTableOptions;
  readonly #sent = new Map<number, Entry>();
  readonly #queue: Entry[] = [];
  /** Sent, out of time, and still owed a reply by the other side. */
  #unanswered = 0;
  #closed: Error | undefined;

  constructor(options: CallTableOptions) {
    this.#options = options;
  }

  /** @throws BusError for an error reply, FleetError SYSTEMD_TIMEOUT, the signal's reason, or what {@link close} was given. */
  call(call: WireCall, { signal, timeoutMs }: CallOptions): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      const onAbort = (): void => this.#settle(entry, () => reject(signal?.reason as Error));
      signal?.addEventListener('abort', onAbort, { once: true });
      const release = (): void => signal?.removeEventListener('abort', onAbort);
      const entry: Entry = { call, timeoutMs, resolve, reject, release, cancelDeadline: () => undefined, settled: false, timedOut: false };
      this.#queue.push(entry);
      this.#sendNext();
    });
  }

  /** Takes a reply; those to calls given up only free their place. */
  answer(message: Extract<WireMessage, { kind: 'reply' | 'error' }>): void {
    const entry = this.#sent.get(message.to);
    if (entry === undefined) return;
    this.#sent.delete(message.to);
    entry.cancelDeadline();
    if (entry.timedOut) this.#unanswered -= 1;
    if (message.kind === 'reply') this.#settle(entry, () => entry.resolve(message.body));
    else this.#settle(entry, () => entry.reject(new BusError(message.name, message.text)));
    this.#sendNext();
  }

  /** Ends all calls with this error, and those to come. */
  close(error: Error): void {
    this.#closed = error;
    const entries = [...this.#sent.values(), ...this.#queue];
    this.#sent.clear();
    this.#queue.length = 0;
    for (const entry of entries) this.#settle(entry, () => entry.reject(error));
  }

  #sendNext(): void {
    while (this.#sent.size < this.#options.window && this.#closed === undefined) {
      const entry = this.#queue.shift();
      if (entry === undefined) return;
      if (entry.settled) continue;
      try {
        this.#sent.set(this.#options.send(entry.call), entry);
        entry.cancelDeadline = this.#options.clock.schedule(entry.timeoutMs, () => this.#timeOut(entry));
      } catch (error) {
        this.#settle(entry, () => entry.reject(error));
      }
    }
  }

  #timeOut(entry: Entry): void {
    const { call, timeoutMs, reject } = entry;
    if (!entry.settled) this.#settle(entry, () => reject(systemdTimeout(`systemd did not answer ${call.member} within ${timeoutMs / 1000} s`, { remedy: 'look whether systemd hangs: systemctl status, journalctl -b' })));
    entry.timedOut = true;
    this.#unanswered += 1;
    if (this.#unanswered > this.#options.window / 2) this.#options.onStuck();
  }

  #settle(entry: Entry, how: () => void): void {
    if (entry.settled) return;
    entry.settled = true;
    entry.release();
    if (this.#closed !== undefined) entry.cancelDeadline();
    how();
  }
}
