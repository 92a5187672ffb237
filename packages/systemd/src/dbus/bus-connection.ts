import { describeError, type Clock } from '@fleet/runtime';

import { systemdUnavailable } from '../errors.ts';
import { CallTable, type CallOptions } from './call-table.ts';
import { Wire, type WireCall, type WireMessage } from './wire.ts';

export type BusSignal = Extract<WireMessage, { kind: 'signal' }>;

export interface BusConnectionOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly onSignal: (signal: BusSignal, connection: BusConnection) => void;
}

/** Half of what a bus daemon allows a connection by default, so that calls given up leave room. */
const WINDOW = 64;
const CONNECT_TIMEOUT_MS = 5_000;

const BUS = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' } as const;

/** One connection to a bus. Not renewed: when it is closed, make another. */
export class BusConnection {
  /** Resolves with the cause once the connection is gone. */
  readonly closed: Promise<Error>;
  readonly #wire: Wire;
  readonly #calls: CallTable;
  #tellClosed: (why: Error) => void = () => undefined;

  private constructor({ socketPath, clock, onSignal }: BusConnectionOptions) {
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#calls = new CallTable({ clock, window: WINDOW, send: (call) => this.#wire.send(call), onStuck: () => this.#wire.close() });
    this.#wire = new Wire(socketPath, {
      onMessage: (message) => {
        if (message.kind === 'signal') onSignal(message, this);
        else this.#calls.answer(message);
      },
      onClosed: (why) => {
        this.#calls.close(systemdUnavailable(`the connection to systemd is lost: ${describeError(why)}`, { cause: why }));
        this.#tellClosed(why);
      },
    });
  }

  /**
   * Opens a connection and says hello.
   *
   * @throws FleetError SYSTEMD_UNAVAILABLE naming the socket.
   */
  static async open(options: BusConnectionOptions, signal: AbortSignal): Promise<BusConnection> {
    const { socketPath } = options;
    const connection = new BusConnection(options);
    try {
      await connection.call({ ...BUS, member: 'Hello' }, { signal, timeoutMs: CONNECT_TIMEOUT_MS });
      return connection;
    } catch (error) {
      connection.close();
      signal.throwIfAborted();
      throw systemdUnavailable(`cannot connect to systemd over ${socketPath.replace('\0', '@')}: ${describeError(error)}`, {
        cause: error,
        remedy: 'check that this machine runs systemd and its D-Bus daemon: systemctl status dbus',
      });
    }
  }

  call(call: WireCall, options: CallOptions): Promise<readonly unknown[]> {
    return this.#calls.call(call, options);
  }

  /** Asks the bus daemon for signals. */
  async addMatch(rule: string, options: CallOptions): Promise<void> {
    await this.call({ ...BUS, member: 'AddMatch', signature: 's', body: [rule] }, options);
  }

  close(): void {
    this.#wire.close();
  }
}

