interface Span {
  readonly from: number;
  /** Infinity while it lasts. */
  until: number;
}

interface Absence extends Span {
  /** Its units died with it. */
  readonly dead: boolean;
}

/**
 * When each machine was lost to the cluster, so that it was right to start its units elsewhere. Times are milliseconds of one
 * monotonic clock.
 */
export class Absences {
  readonly #absences = new Map<string, Absence[]>();
  readonly #outages: Span[] = [];
  readonly #shortestMs: number;
  readonly #graceMs: number;

  /**
   * What is shorter than `shortestMs` has to go unnoticed; for `graceMs` after its return a machine puts itself right. Time without
   * a store does not count: the machine cannot be told what has changed.
   */
  constructor(options: { readonly shortestMs: number; readonly graceMs: number }) {
    this.#shortestMs = options.shortestMs;
    this.#graceMs = options.graceMs;
  }

  begin(machine: string, at: number, options: { readonly dead?: boolean } = {}): void {
    const list = this.#absences.get(machine) ?? [];
    this.#absences.set(machine, list);
    list.push({ from: at, until: Infinity, dead: options.dead ?? false });
  }

  end(machine: string, at: number): void {
    const open = this.#absences.get(machine)?.findLast(({ until }) => until === Infinity);
    if (open !== undefined) open.until = at;
  }

  /** Nobody can reach the store. */
  beginOutage(at: number): void {
    this.#outages.push({ from: at, until: Infinity });
  }

  endOutage(at: number): void {
    const open = this.#outages.findLast(({ until }) => until === Infinity);
    if (open !== undefined) open.until = at;
  }

  /** Whether the machine may have been given up by the cluster at some time between. */
  wasAway(machine: string, from: number, to: number): boolean {
    return (this.#absences.get(machine) ?? []).some((absence) => {
      const lasted = Math.min(absence.until, to) - absence.from;
      return (absence.dead || lasted >= this.#shortestMs) && absence.from <= to && from - absence.until - this.#outageMs(absence.until, from) <= this.#graceMs;
    });
  }

  #outageMs(from: number, to: number): number {
    return this.#outages.reduce((sum, outage) => sum + Math.max(0, Math.min(outage.until, to) - Math.max(outage.from, from)), 0);
  }
}
