import type { CallOptions } from '../store.ts';

/** A write that waits for its turn. `run` works inside a commit; its result is handed out only once that commit is durable. */
interface Waiting {
  readonly run: () => () => void;
  readonly fail: (error: Error) => void;
}

export interface CommitQueueOptions {
  /** Runs `work` in one durable commit. */
  readonly commit: (work: () => void) => void;
  /** Runs one write inside a commit; when it throws, only what it wrote is undone. */
  readonly attempt: <T>(work: () => T) => T;
  /** Told after each commit, before the writers are. */
  readonly committed: () => void;
  /** Told when a commit has failed and everything in it is undone. */
  readonly undone: () => void;
  /** Puts off the next commit, so that writers of the same moment share it. */
  readonly defer: (run: () => void) => void;
}

/** Most writes that share a commit: bounds how long the event loop is held. */
const MAX_SHARED = 512;

/**
 * Lets writes that arrive together share one commit, and so one flush to the disk, while each keeps its own outcome and
 * revision. Writes are carried out in the order they arrived.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #closed: Error | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** Carries `work` out in the next commit. Aborting works until then; afterwards the outcome stands. */
  enqueue<T>(work: () => T, options: CallOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal } = options;
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const waiting: Waiting = {
        run: () => {
          signal?.removeEventListener('abort', onAbort);
          const result = work();
          return () => resolve(result);
        },
        fail: (error: Error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      this.#waiting.push(waiting);
      this.#schedule();
    });
  }

  /** Fails what waits and everything that comes. */
  close(reason: Error): void {
    this.#closed = reason;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { fail } of waiting) fail(reason);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.defer(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const taken = this.#waiting.splice(0, MAX_SHARED);
    if (taken.length === 0) return;
    if (this.#waiting.length > 0) this.#schedule();
    const settle: (() => void)[] = [];
    try {
      this.#options.commit(() => {
        for (const { run, fail } of taken) {
          try {
            settle.push(this.#options.attempt(run));
          } catch (error) {
            settle.push(() => fail(error as Error));
          }
        }
      });
    } catch (error) {
      this.#options.undone();
      for (const { fail } of taken) fail(error as Error);
      return;
    }
    this.#options.committed();
    for (const done of settle) done();
  }
}
