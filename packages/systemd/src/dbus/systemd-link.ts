import { describeError, retryWithBackoff, type Clock, type Logger } from '@fleet/runtime';

import { systemdUnavailable } from '../errors.ts';
import { BusConnection, type BusSignal } from './bus-connection.ts';
import { SystemdCalls } from './systemd-calls.ts';

export interface SystemdLinkOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A signal of systemd itself, in order; none comes while the link is down. */
  readonly onSignal: (signal: BusSignal) => void;
  /** The link went down: nothing is known until it is up. */
  readonly onDown: () => void;
  /** It is up again, with signals asked for. */
  readonly onUp: () => void;
}

/** systemd needs a moment to come back, too; a socket that takes connections at once and drops them must not spin us. */
const FIRST_DELAY_MS = 10;
const RECONNECT = { initialMs: 20, maxMs: 2_000 };
const SETUP_TIMEOUT_MS = 10_000;

interface Current {
  readonly connection: BusConnection;
  readonly calls: SystemdCalls;
}

/**
 * Keeps a connection to systemd: makes a new one with growing delays when it is lost or when systemd leaves the bus
 * (because it re-executes itself or the bus daemon is restarted), and asks for signals again each time.
 */
export class SystemdLink {
  readonly #options: SystemdLinkOptions;
  readonly #ending = new AbortController();
  #current: Current | undefined;
  #lost: Error | undefined;
  #upkeep: Promise<void> = Promise.resolve();

  private constructor(options: SystemdLinkOptions) {
    this.#options = options;
  }

  /** Connects for the first time. @throws FleetError SYSTEMD_UNAVAILABLE; the signal's reason. */
  static async open(options: SystemdLinkOptions, signal?: AbortSignal): Promise<SystemdLink> {
    const link = new SystemdLink(options);
    await link.#connect(signal === undefined ? link.#ending.signal : AbortSignal.any([signal, link.#ending.signal]));
    link.#upkeep = link.#keepUp();
    return link;
  }

  /** The calls that can be made now. @throws FleetError SYSTEMD_UNAVAILABLE while the link is down. */
  get calls(): SystemdCalls {
    if (this.#current !== undefined) return this.#current.calls;
    throw systemdUnavailable(this.#ending.signal.aborted ? 'the connection to systemd is closed' : 'the connection to systemd is lost; it is being renewed', { cause: this.#lost });
  }

  async close(): Promise<void> {
    this.#ending.abort(new Error('closed'));
    this.#current?.connection.close();
    this.#current = undefined;
    await this.#upkeep;
  }

  async #keepUp(): Promise<void> {
    const { logger, onDown } = this.#options;
    for (let current = this.#current; current !== undefined; current = await this.#reconnect()) {
      this.#lost = await current.connection.closed;
      this.#current = undefined;
      if (this.#ending.signal.aborted) return;
      logger.warn('connection to systemd lost', { reason: describeError(this.#lost) });
      onDown();
    }
  }

  /** Tries until there is a connection again; `undefined` when the link is closed meanwhile. */
  async #reconnect(): Promise<Current | undefined> {
    const { clock, logger, onUp } = this.#options;
    try {
      const current = await retryWithBackoff(
        async () => {
          await clock.sleep(FIRST_DELAY_MS, { signal: this.#ending.signal });
          return this.#connect(this.#ending.signal);
        },
        { ...RECONNECT, clock, signal: this.#ending.signal, onFailure: (error, attempt) => logger.debug('systemd not reached', { attempt, error }) },
      );
      logger.info('connection to systemd restored');
      onUp();
      return current;
    } catch {
      // Only the end of the link ends the attempts.
      return undefined;
    }
  }

  async #connect(signal: AbortSignal): Promise<Current> {
    const { socketPath, clock } = this.#options;
    const connection = await BusConnection.open({ socketPath, clock, onSignal: (message, from) => this.#receive(from, message) }, signal);
    try {
      const calls = new SystemdCalls(connection);
      await withDeadline(clock, SETUP_TIMEOUT_MS, connection, () => calls.subscribe(signal));
      this.#current = { connection, calls };
      return this.#current;
    } catch (error) {
      connection.close();
      signal.throwIfAborted();
      throw systemdUnavailable(`systemd does not answer over the bus: ${describeError(error)}`, { cause: error });
    }
  }

  #receive(connection: BusConnection, message: BusSignal): void {
    if (message.member === 'NameOwnerChanged' && message.interface === 'org.freedesktop.DBus') {
      // Whoever owns the name now knows nothing of our subscription: begin again from the start.
      if (message.body[1] !== '') connection.close();
      return;
    }
    if (this.#current?.connection === connection) this.#options.onSignal(message);
  }
}

async function withDeadline(clock: Clock, ms: number, connection: BusConnection, work: () => Promise<void>): Promise<void> {
  const cancel = clock.schedule(ms, () => connection.close());
  try {
    await work();
  } finally {
    cancel();
  }
}
