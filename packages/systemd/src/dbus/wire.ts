// An ambient declaration cannot be imported, and the build of the types looks at nothing that is not named.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./dbus-next-internals.d.ts" />
import createConnection from 'dbus-next/lib/connection.js';
import messageType from 'dbus-next/lib/message-type.js';

import { FleetError } from '@fleet/runtime';

import { systemdUnavailable } from '../errors.ts';

/** A method call. */
export interface WireCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

export type WireMessage =
  | { readonly kind: 'reply'; readonly to: number; readonly body: readonly unknown[] }
  | { readonly kind: 'error'; readonly to: number; readonly name: string; readonly text: string }
  | { readonly kind: 'signal'; readonly sender: string | undefined; readonly path: string; readonly interface: string; readonly member: string; readonly body: readonly unknown[] };

export interface WireHandlers {
  readonly onMessage: (message: WireMessage) => void;
  /** Called once; nothing comes after it. */
  readonly onClosed: (why: Error) => void;
}

const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;

/**
 * One socket to a bus with dbus-next's marshalling, and nothing of its message bus: calls can be sent at once (they
 * wait for the handshake), and every way in which the socket can end is told exactly once.
 */
export class Wire {
  readonly #connection: ReturnType<typeof createConnection>;
  readonly #handlers: WireHandlers;
  #serial = 0;
  #closed = false;

  /** @throws FleetError BUS_ADDRESS for a socket path that dbus-next cannot be told. */
  constructor(socketPath: string, handlers: WireHandlers) {
    // dbus-next takes addresses apart at these, wherever they stand.
    if (/[:;,=]/.test(socketPath)) {
      throw new FleetError(`socket path ${JSON.stringify(socketPath)} must not contain any of : ; , =`, { code: 'BUS_ADDRESS', kind: 'invalid' });
    }
    this.#handlers = handlers;
    this.#connection = createConnection({ busAddress: `unix:socket=${socketPath}`, authMethods: ['EXTERNAL'] });
    this.#connection.on('message', (message: unknown) => {
      try {
        this.#receive(message as RawMessage);
      } catch (error) {
        // An answer nobody can read: what follows cannot be trusted either.
        this.#close(error as Error);
      }
    });
    this.#connection.on('error', (error: unknown) => this.#close(error instanceof Error ? error : new Error(String(error), { cause: error })));
    this.#connection.stream.on('close', () => this.#close(new Error('the other side closed the connection')));
    this.#connection.stream.on('end', () => this.#close(new Error('the other side ended the connection')));
  }

  /** Sends a call and returns the serial its reply will name. @throws FleetError SYSTEMD_UNAVAILABLE if the socket is gone, Error if the call cannot be marshalled. */
  send(call: WireCall): number {
    // The socket may have failed already while its `close` is still to come. Before the handshake dbus-next keeps messages.
    if (this.#closed || this.#connection.stream.destroyed || !(this.#connection.stream.connecting || this.#connection.stream.writable)) {
      throw systemdUnavailable('the connection to systemd is lost');
    }
    this.#serial += 1;
    this.#connection.message(new messageType.Message({ type: METHOD_CALL, serial: this.#serial, ...call }));
    return this.#serial;
  }

  close(): void {
    this.#close(new Error('closed here'));
  }

  #receive(message: RawMessage): void {
    if (this.#closed) return;
    const body = message.body ?? [];
    switch (message.type) {
      case METHOD_RETURN:
        this.#handlers.onMessage({ kind: 'reply', to: message.replySerial ?? 0, body });
        return;
      case ERROR:
        this.#handlers.onMessage({ kind: 'error', to: message.replySerial ?? 0, name: message.errorName ?? '', text: typeof body[0] === 'string' ? body[0] : '' });
        return;
      case SIGNAL:
        this.#handlers.onMessage({ kind: 'signal', sender: message.sender, path: message.path ?? '', interface: message.interface ?? '', member: message.member ?? '', body });
        return;
      default:
        // Calls to us: nobody has a reason to make any, and no reply is owed on a bus that knows we offer nothing.
        return;
    }
  }

  #close(why: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.stream.destroy();
    this.#handlers.onClosed(why);
  }
}

interface RawMessage {
  readonly type: number;
  readonly sender?: string;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly body?: readonly unknown[];
}
