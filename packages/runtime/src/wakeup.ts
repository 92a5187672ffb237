/**
 * A latch for level-based loops: `wake` is remembered until the next `wait`, so no wake-up is lost and many
 * wake-ups during one pass are one.
 */
export class Wakeup {
  #set = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /** Resolves at once if woken since the last wait, else at the next {@link wake}. Rejects when the signal aborts. One waiter at a time. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#set) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          this.#resolve = undefined;
          reject(signal.reason as Error);
        };
        this.#resolve = () => {
          this.#resolve = undefined;
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        signal.addEventListener('abort', onAbort, { once: true });
      });
    }
    this.#set = false;
  }
}
