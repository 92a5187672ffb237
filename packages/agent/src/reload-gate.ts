/**
 * Coalesces reloads: whoever asks before one has begun shares it; whoever asks while it runs shares the next one, since
 * the running one may have read the files too early.
 */
export class ReloadGate {
  readonly #reload: () => Promise<void>;
  /** The reload that has not begun yet. */
  #next: Promise<void> | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(reload: () => Promise<void>) {
    this.#reload = reload;
  }

  /** Resolves when a reload that began after this call has ended; rejects as that reload does. */
  request(): Promise<void> {
    if (this.#next !== null) return this.#next;
    const next = this.#last.then(ignore, ignore).then(() => {
      this.#next = null;
      return this.#reload();
    });
    this.#next = next;
    this.#last = next;
    return next;
  }
}

function ignore(): void {
  // Whoever asked for that reload hears of its failure.
}
