interface Waiting {
  readonly item: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds the time systemd is deaf to everything else during one batch. */
const MAX_BATCH = 128;

/**
 * Joins calls that take a list into few: systemd looks through its unit directories once per call, however many files
 * are named. A call starts at once when none is out; what comes meanwhile goes together into the next. When a batch
 * fails, its items are tried one by one, so that each gets its own outcome.
 */
export class Batcher {
  readonly #call: (items: readonly string[]) => Promise<void>;
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(call: (items: readonly string[]) => Promise<void>) {
    this.#call = call;
  }

  add(item: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Calls of one turn of the event loop belong together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      if (await this.#succeeds(batch)) continue;
      if (batch.length > 1) for (const one of batch) await this.#succeeds([one]);
    }
    this.#running = false;
  }

  async #succeeds(batch: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#call(batch.map((one) => one.item));
      for (const one of batch) one.resolve();
      return true;
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      return false;
    }
  }
}
