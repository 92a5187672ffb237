import type { FleetError} from '@fleet/runtime';
import { isFleetError } from '@fleet/runtime';
import { storeUnavailable } from '../store-errors.ts';
import { neverSent, type Connection } from './connection.ts';

/** Whether another endpoint may do better: this one is unreachable, stuck, or without a leader. */
function isOutage(error: unknown): error is FleetError {
  return isFleetError(error, 'STORE_UNAVAILABLE') || isFleetError(error, 'STORE_TIMEOUT');
}

/**
 * Which of several endpoints is used. Stays with one as long as it answers; moves to the next when it fails. Reads are
 * repeated there, writes only if they surely never left.
 */
export class Endpoints {
  readonly #connections: readonly Connection[];
  #current = 0;
  /** Whether the current endpoint has answered since it was chosen or last failed. */
  #proven = false;
  #closed = false;

  constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  get current(): Connection {
    const connection = this.#connections[this.#current];
    if (connection === undefined || this.#closed) throw storeUnavailable('the connection to etcd is closed');
    return connection;
  }

  async read<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
    for (let left = this.#connections.length - 1; ; left -= 1) {
      const connection = this.current;
      try {
        const result = await run(connection);
        this.#answered(connection);
        return result;
      } catch (error) {
        this.failed(connection, error);
        if (left <= 0 || !isOutage(error)) throw error;
      }
    }
  }

  /** Sends a write once, to an endpoint that answers. */
  async write<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
    // A read finds out which endpoint is alive, so that a write is not spent on a dead one.
    if (!this.#proven && this.#connections.length > 1) await this.read((connection) => connection.range({ key: Buffer.from([0]), limit: 1, keys_only: true }));
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

  #answered(connection: Connection): void {
    if (this.#connections[this.#current] === connection) this.#proven = true;
  }
}
