import { isFleetError, type FleetError } from '@fleet/runtime';
import { storeTimeout, storeUnavailable } from '../store-errors.ts';
import { neverSent, type Connection } from './connection.ts';

/** Whether another endpoint may do better: this one is unreachable, stuck, or without a leader. */
function isOutage(error: unknown): error is FleetError {
  return isFleetError(error, 'STORE_UNAVAILABLE') || isFleetError(error, 'STORE_TIMEOUT');
}

/** A call to one endpoint; the signal says that another has answered first. */
type Call<T> = (connection: Connection, signal: AbortSignal) => Promise<T>;

/**
 * Which of several endpoints is used. Stays with one as long as it answers; moves to another when it fails, or when
 * another was quicker by far. What may be done twice is tried at the others as well, writes only if they surely never left.
 */
export class Endpoints {
  readonly #connections: readonly Connection[];
  readonly #patienceMs: number;
  #current = 0;
  /** Whether the current endpoint has answered since it was chosen or last failed. */
  #proven = false;
  #closed = false;

  /** @param patienceMs how long {@link ask} waits for one endpoint before it asks the next one too, unless told. */
  constructor(connections: readonly Connection[], patienceMs: number) {
    this.#connections = connections;
    this.#patienceMs = patienceMs;
  }

  get current(): Connection {
    const connection = this.#connections[this.#current];
    if (connection === undefined || this.#closed) throw storeUnavailable('the connection to etcd is closed');
    return connection;
  }

  /**
   * Asks the current endpoint, and each further one when those before it have failed or `patienceMs` have passed without
   * an answer. The first answer counts, the other calls are cancelled. Only for what does no harm when it is done twice.
   */
  async ask<T>(run: Call<T>, patienceMs: number = this.#patienceMs): Promise<T> {
    const first = this.#connections.indexOf(this.current);
    const order = [...this.#connections.slice(first), ...this.#connections.slice(0, first)];
    const answered = new AbortController();
    const silent = new Set<Connection>();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const askNext = (): void => {
          clearTimeout(timer);
          const connection = order.shift();
          if (connection === undefined) return;
          silent.add(connection);
          if (order.length > 0) timer = setTimeout(askNext, patienceMs);
          run(connection, answered.signal).then(
            (result) => {
              silent.delete(connection);
              if (!answered.signal.aborted) this.#answered(connection, silent);
              resolve(result);
            },
            (error: unknown) => {
              silent.delete(connection);
              // Cancelled, because another was quicker.
              if (answered.signal.aborted) return;
              const failure = connection.translate(error);
              this.failed(connection, failure);
              if (!isOutage(failure) || (order.length === 0 && silent.size === 0)) reject(failure);
              else askNext();
            },
          );
        };
        askNext();
      });
    } finally {
      clearTimeout(timer);
      answered.abort(storeTimeout('another endpoint of etcd was quicker'));
    }
  }

  /** Sends a write once, to an endpoint that answers. */
  async write<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
    // A read finds out which endpoint is alive, so that a write is not spent on a dead one.
    if (!this.#proven && this.#connections.length > 1) await this.ask((connection, signal) => connection.range({ key: Buffer.from([0]), limit: 1, keys_only: true }, signal));
    for (let left = this.#connections.length - 1; ; left -= 1) {
      const connection = this.current;
      try {
        const result = await run(connection);
        this.#answered(connection);
        return result;
      } catch (error) {
        this.failed(connection, error);
        if (left <= 0 || !isOutage(error) || !neverSent(error)) throw error;
      }
    }
  }

  /** Moves on after a failure of `connection`, unless that has been done already. */
  failed(connection: Connection, error: unknown): void {
    if (!isOutage(error) || this.#connections[this.#current] !== connection) return;
    this.#proven = false;
    this.#current = (this.#current + 1) % this.#connections.length;
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
  }

  /** `overtaken` were asked earlier and have not answered: one that is in use has to give way. */
  #answered(connection: Connection, overtaken: ReadonlySet<Connection> = new Set()): void {
    const current = this.#connections[this.#current];
    if (current !== undefined && overtaken.has(current)) this.#current = this.#connections.indexOf(connection);
    if (this.#connections[this.#current] === connection) this.#proven = true;
  }
}
