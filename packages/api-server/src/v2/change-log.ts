import type { ChangeEvent, EntityChange } from '@fleet/api';
import type { ClusterView, ViewChange } from '../cache/cluster-view.ts';
import { stateInfo } from '../cache/cluster-view.ts';
import type { UnitTexts } from '../cache/texts.ts';

/** One change, made into text once for all streams. */
export interface LoggedEvent {
  readonly kind: EntityChange['kind'];
  /** Unit the event is about; `null` for machines. */
  readonly unit: string | null;
  /** `event:` and `data:` lines without the empty line at the end. */
  readonly text: string;
}

export interface LoggedBatch {
  readonly revision: number;
  readonly events: readonly LoggedEvent[];
  /** All events as they go to a stream without filters. */
  readonly frame: string;
}

export interface ChangeLogLimits {
  readonly batches: number;
  readonly characters: number;
}

/**
 * The changes of one view as users see them, the last few kept so that a stream can resume. A unit event is made only when
 * something about the unit shows, whatever record it came from.
 */
export class ChangeLog {
  readonly #view: ClusterView;
  readonly #texts: UnitTexts;
  readonly #limits: ChangeLogLimits;
  readonly #shown = new Map<string, string>();
  #batches: LoggedBatch[] = [];
  #first = 0;
  #characters = 0;
  #floor: number;

  constructor(view: ClusterView, texts: UnitTexts, limits: ChangeLogLimits = { batches: 20_000, characters: 8 * 1024 * 1024 }) {
    this.#view = view;
    this.#texts = texts;
    this.#limits = limits;
    this.#floor = view.revision;
    for (const name of view.unitNames.all) {
      const unit = view.unit(name);
      if (unit !== undefined) this.#shown.set(name, JSON.stringify(view.summary(unit)));
    }
  }

  /** Number after that of the newest batch. */
  get end(): number {
    return this.#first + this.#batches.length;
  }

  /** Adds what a change shows; whether it shows anything. */
  append(change: ViewChange): boolean {
    const events = this.#eventsOf(change);
    if (events.length === 0) return false;
    const batch = { revision: change.revision, events, frame: formatFrame(events, change.revision) };
    this.#batches.push(batch);
    this.#characters += batch.frame.length;
    if (this.#batches.length > this.#limits.batches || this.#characters > this.#limits.characters) this.#trim();
    return true;
  }

  /** Number of the first batch after a revision; `null` when the log does not reach back that far. */
  positionAfter(revision: number): number | null {
    if (revision < this.#floor) return null;
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#first + low;
  }

  /** Batches from a number on; `null` when some of them are gone. */
  from(position: number): readonly LoggedBatch[] | null {
    return position < this.#first ? null : this.#batches.slice(position - this.#first);
  }

  #trim(): void {
    // Half at a time, so that it costs nothing on average.
    const keep = Math.floor(this.#batches.length / 2);
    const gone = this.#batches.slice(0, this.#batches.length - keep);
    this.#batches = this.#batches.slice(-keep);
    this.#first += gone.length;
    this.#floor = gone.at(-1)?.revision ?? this.#floor;
    this.#characters = this.#batches.reduce((sum, batch) => sum + batch.frame.length, 0);
  }

  #eventsOf(change: ViewChange): LoggedEvent[] {
    const { revision } = change;
    const events: LoggedEvent[] = [];
    for (const id of change.machines) {
      const machine = this.#view.machine(id);
      events.push(logEvent({ kind: 'machine', id, revision, value: machine === undefined ? null : this.#view.machineInfo(machine) }, null));
    }
    for (const name of change.units) {
      const event = this.#unitEvent(name, revision);
      if (event !== null) events.push(event);
    }
    for (const id of change.states) {
      const slash = id.indexOf('/');
      const state = this.#view.state(id.slice(slash + 1), id.slice(0, slash));
      events.push(logEvent({ kind: 'state', id, revision, value: state === undefined ? null : stateInfo(state) }, id.slice(slash + 1)));
    }
    return events;
  }

  #unitEvent(name: string, revision: number): LoggedEvent | null {
    const unit = this.#view.unit(name);
    if (unit === undefined) return this.#shown.delete(name) ? logEvent({ kind: 'unit', id: name, revision, value: null }, name) : null;
    const summary = this.#view.summary(unit);
    const shown = JSON.stringify(summary);
    if (this.#shown.get(name) === shown) return null;
    this.#shown.set(name, shown);
    const description = this.#texts.peek(unit.hash)?.description ?? '';
    return logEvent({ kind: 'unit', id: name, revision, value: { ...summary, ...(description !== '' && { description }) } }, name);
  }
}

function logEvent(event: EntityChange, unit: string | null): LoggedEvent {
  return { kind: event.kind, unit, text: formatEvent(event) };
}

/** `event:` and `data:` lines. JSON has no line breaks of its own. */
export function formatEvent(event: ChangeEvent): string {
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n`;
}

/** Events of one revision as they go over the wire; the id comes with the last, so a cut-off batch is sent again whole. */
export function formatFrame(events: readonly LoggedEvent[], revision: number): string {
  let frame = '';
  for (const [index, event] of events.entries()) frame += index === events.length - 1 ? `id: ${revision}\n${event.text}\n` : `${event.text}\n`;
  return frame;
}
