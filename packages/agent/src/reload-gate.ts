/**
 * Coalesces reloads: whoever asks while one is running shares the next one, since the running one may have read the
 * files too early.
 */
export class ReloadGate {
  readonly #reload: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(reload: () => Promise<void>) {
    this.#reload = reload;
  }

  /** Resolves when a reload that began after this call has ended; rejects as that reload does. */
  request(): Promise<void> {
    if (this.#running === null) return (this.#running = this.#run());
    this.#next ??= this.#running.then(ignore, ignore).then(() => {
      this.#next = null;
      return (this.#running = this.#run());
    });
    return this.#next;
  }

  async #run(): Promise<void> {
    // All who ask in this turn share it.
    await Promise.resolve();
    try {
      await this.#reload();
    } finally {
      if (this.#next === null) this.#running = null;
    }
  }
}

function ignore(): void {
  // Whoever asked for that reload hears of its failure.
}
