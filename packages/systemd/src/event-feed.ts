import type { UnitManagerEvent } from './unit-manager.ts';

/**
 * Hands events to any number of readers. A slow reader sees only the newest state of each unit, so what waits is
 * bounded by the number of units; `lost` drops the states before it, because they are no longer known.
 */
export class EventFeed {
  readonly #readers = new Set<Reader>();
  #closed = false;

  publish(event: UnitManagerEvent): void {
    for (const reader of this.#readers) reader.push(event);
  }

  /** Events from this moment on. The iteration throws the signal's reason when it aborts and ends when the feed is closed. */
  subscribe(signal: AbortSignal): AsyncIterable<UnitManagerEvent> {
    const reader = new Reader();
    const onAbort = (): void => {
      this.#readers.delete(reader);
      reader.end(signal.reason);
    };
    if (signal.aborted) onAbort();
    else if (this.#closed) reader.end(undefined);
    else {
      this.#readers.add(reader);
      signal.addEventListener('abort', onAbort, { once: true });
    }
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => reader.next(),
        return: () => {
          this.#readers.delete(reader);
          signal.removeEventListener('abort', onAbort);
          reader.end(undefined);
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.end(undefined);
    this.#readers.clear();
  }
}

class Reader {
  /** By unit name; connection events under a name no unit can have. */
  readonly #waiting = new Map<string, UnitManagerEvent>();
  #ended: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(event: UnitManagerEvent): void {
    if (this.#ended !== undefined) return;
    if (event.kind === 'state') {
      this.#waiting.set(event.name, event);
    } else {
      if (event.kind === 'lost') this.#waiting.clear();
      this.#waiting.delete(`/${event.kind}`);
      this.#waiting.set(`/${event.kind}`, event);
    }
    this.#wake?.();
  }

  end(reason: unknown): void {
    this.#ended ??= { reason };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<UnitManagerEvent>> {
    for (;;) {
      if (this.#ended?.reason !== undefined) throw this.#ended.reason as Error;
      for (const [key, event] of this.#waiting) {
        this.#waiting.delete(key);
        return { done: false, value: event };
      }
      if (this.#ended !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
