import type { Absences } from './absences.ts';
import type { Ledger, Sighting, Sightings } from './ledger.ts';

export interface Look {
  /** Before the first machine was asked and after the last one answered. */
  readonly from: number;
  readonly to: number;
  /** Machines that could not be asked are missing. */
  readonly seen: Sightings;
}

interface Place {
  readonly machine: string;
  readonly run: string;
  readonly at: number;
}

/** Compares what the machines show from one look to the next, and finds what must never be seen, whatever happens. */
export class Watcher {
  readonly #ledger: Ledger;
  readonly #absences: Absences;
  readonly #globals: ReadonlySet<string>;
  /** After a command, this long units may be in between. */
  readonly #settleMs: number;
  readonly #places = new Map<string, Place>();
  #doubles = new Set<string>();

  constructor(options: { readonly ledger: Ledger; readonly absences: Absences; readonly globals: ReadonlySet<string>; readonly settleMs: number }) {
    this.#ledger = options.ledger;
    this.#absences = options.absences;
    this.#globals = options.globals;
    this.#settleMs = options.settleMs;
  }

  /** Takes in a look; gives what is wrong. */
  look(look: Look): readonly string[] {
    return [...this.#findDoubles(look), ...this.#findMovesAndRestarts(look)];
  }

  /** A unit on two machines, seen twice in a row, of which not all but one were away. */
  #findDoubles({ seen, from, to }: Look): readonly string[] {
    const problems: string[] = [];
    const doubles = new Set<string>();
    for (const [unit, places] of activePlaces(seen)) {
      if (this.#globals.has(unit) || places.length < 2) continue;
      const present = places.filter(({ machine }) => !this.#absences.wasAway(machine, from, to));
      if (present.length < 2) continue;
      const key = `${unit} ${places.map(({ machine, run }) => `${machine}=${run}`).join(' ')}`;
      doubles.add(key);
      if (this.#doubles.has(key)) problems.push(`${unit} runs on ${places.map(({ machine }) => machine).join(' and ')} at the same time`);
    }
    this.#doubles = doubles;
    return problems;
  }

  /** A unit that runs elsewhere or anew, though nobody asked for it and its machine was not away. */
  #findMovesAndRestarts({ seen, from, to }: Look): readonly string[] {
    const problems: string[] = [];
    for (const [unit, places] of activePlaces(seen)) {
      for (const place of places) {
        const key = this.#globals.has(unit) ? `${unit} ${place.machine}` : unit;
        const before = this.#places.get(key);
        // Where it was seen last cannot be asked now: it may still be there, beside this one.
        if (before !== undefined && !seen.has(before.machine) && !this.#absences.wasAway(before.machine, before.at, from)) continue;
        this.#places.set(key, { ...place, at: to });
        if (before === undefined || before.run === place.run) continue;
        // Two at a time are told apart above.
        if (places.length > 1 && !this.#globals.has(unit)) continue;
        const wasAsked = this.#ledger.touchedAt(unit) + this.#settleMs >= before.at;
        if (wasAsked || this.#absences.wasAway(before.machine, before.at, from)) continue;
        problems.push(before.machine === place.machine ? `${unit} was started anew on ${place.machine}` : `${unit} was moved from ${before.machine} to ${place.machine}`);
      }
    }
    return problems;
  }
}

function activePlaces(seen: Sightings): ReadonlyMap<string, readonly { readonly machine: string; readonly run: string }[]> {
  const places = new Map<string, { machine: string; run: string }[]>();
  for (const [machine, sightings] of seen) {
    for (const { unit, active, run } of sightings satisfies readonly Sighting[]) {
      if (!active) continue;
      const list = places.get(unit) ?? [];
      places.set(unit, list);
      list.push({ machine, run });
    }
  }
  return places;
}
