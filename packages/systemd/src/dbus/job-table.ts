import type { JobResult } from '../unit-manager.ts';

const RESULTS: Readonly<Record<string, JobResult>> = {
  done: 'done',
  canceled: 'canceled',
  timeout: 'timeout',
  failed: 'failed',
  dependency: 'dependency',
  skipped: 'skipped',
  // Words of job_result for what cannot be done or came to nothing.
  invalid: 'failed',
  assert: 'failed',
  unsupported: 'failed',
  collected: 'canceled',
  once: 'skipped',
};

/** Jobs by object path until systemd says how they ended; that may come before the reply that names the job. */
export class JobTable {
  readonly #waiting = new Map<string, ((result: JobResult) => void)[]>();
  /** Results that came while calls for jobs were out, one of which may be about to name them. */
  readonly #early = new Map<string, JobResult>();
  #callsOut = 0;
  /** Counts {@link cancelAll}: a reply from before one names a job that nobody will hear of any more. */
  #epoch = 0;

  /** Makes a call that answers with the path of a job; the result of the job. */
  async expect(call: () => Promise<string>): Promise<{ readonly result: Promise<JobResult> }> {
    const epoch = this.#epoch;
    this.#callsOut += 1;
    try {
      const path = await call();
      // The connection ended between the reply and now.
      if (epoch !== this.#epoch) return { result: Promise.resolve('canceled') };
      const early = this.#early.get(path);
      if (early !== undefined) return { result: Promise.resolve(early) };
      const result = new Promise<JobResult>((resolve) => {
        this.#waiting.set(path, [...(this.#waiting.get(path) ?? []), resolve]);
      });
      return { result };
    } finally {
      this.#callsOut -= 1;
      if (this.#callsOut === 0) this.#early.clear();
    }
  }

  removed(path: string, word: string): void {
    const result = RESULTS[word] ?? 'failed';
    if (this.#callsOut > 0) this.#early.set(path, result);
    const waiting = this.#waiting.get(path) ?? [];
    this.#waiting.delete(path);
    for (const resolve of waiting) resolve(result);
  }

  /** Nobody will tell any more. */
  cancelAll(): void {
    this.#epoch += 1;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    this.#early.clear();
    for (const resolve of waiting) resolve('canceled');
  }
}
