import type { Clock } from '@fleet/runtime';
import type { ApiRequest } from '../http/api-request.ts';

/** Whether the original's command line asks: by the client library that it is built on. */
export function isOriginalClient({ headers }: ApiRequest): boolean {
  return headers['user-agent']?.startsWith('google-api-go-client/') === true;
}

/** The client asks 250 ms after its change. Much later it has gone without asking. */
const FORGET_AFTER_MS = 10_000;

/**
 * The original's `restart` has a unit stopped and then waits until it is *launched*, before it has it started again. It takes the
 * old state for that, as its own daemon is not done when it first asks. This one is, and the client would wait for ever.
 * So the first answer after a stop still says launched; its `stop` asks once more.
 */
export class StopsToTell {
  readonly #clock: Clock;
  readonly #since = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A launched unit is being stopped by such a client. */
  begin(name: string): void {
    for (const [each, since] of this.#since) {
      if (!this.#isForgotten(since)) break;
      this.#since.delete(each);
    }
    this.#since.delete(name);
    this.#since.set(name, this.#clock.monotonic());
  }

  /** Whether this is the first time that such a client asks for the unit since then. */
  take(name: string): boolean {
    const since = this.#since.get(name);
    this.#since.delete(name);
    return since !== undefined && !this.#isForgotten(since);
  }

  #isForgotten(since: number): boolean {
    return this.#clock.monotonic() - since > FORGET_AFTER_MS;
  }
}
