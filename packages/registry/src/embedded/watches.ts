import { storeCompacted } from '../store-errors.ts';
import type { WatchBatch, WatchChange } from '../store.ts';

/** How a watch reads what happened before it could follow live. */
export interface History {
  readonly revision: number;
  readonly compacted: number;
  /** Batches of whole revisions from `from` on, and the last revision they cover. */
  read(prefix: string, from: number): { readonly batches: readonly WatchBatch[]; readonly upTo: number };
}

/** Batches a watch may hold unread before it lets go of them and reads the history again. */
const MAX_QUEUED = 1_024;

/**
 * One watch. Follows live commits through a queue; a slow reader's queue is dropped when it grows too long, and the reader
 * catches up from the history, so that no reader can fill the memory.
 */
class Watch {
  readonly prefix: string;
  /** Next revision the reader has not seen. */
  next: number;
  live = false;
  queue: WatchBatch[] = [];
  failure: Error | undefined;
  wake: (() => void) | undefined;

  constructor(prefix: string, next: number) {
    this.prefix = prefix;
    this.next = next;
  }
}

/** All watches of one store: hands each commit to those it concerns. */
export class Watches {
  readonly #watches = new Set<Watch>();
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Called after each commit, in order of revisions. */
  publish(revision: number, changes: readonly WatchChange[]): void {
    for (const watch of this.#watches) {
      if (!watch.live || revision < watch.next) continue;
      const concerned = changes.filter((change) => (change.kind === 'put' ? change.item.key : change.key).startsWith(watch.prefix));
      if (concerned.length === 0) continue;
      if (watch.queue.length >= MAX_QUEUED) {
        watch.queue = [];
        watch.live = false;
      } else {
        watch.queue.push({ revision, changes: concerned });
      }
      watch.wake?.();
    }
  }

  /** Ends all watches with `failure`. */
  close(failure: Error): void {
    for (const watch of this.#watches) {
      watch.failure = failure;
      watch.wake?.();
    }
  }

  async *follow(prefix: string, fromRevision: number, signal: AbortSignal): AsyncGenerator<WatchBatch, never> {
    signal.throwIfAborted();
    const watch = new Watch(prefix, fromRevision);
    const onAbort = (): void => watch.wake?.();
    signal.addEventListener('abort', onAbort);
    this.#watches.add(watch);
    try {
      for (;;) {
        for (const batch of this.#take(watch)) {
          signal.throwIfAborted();
          yield batch;
          watch.next = Math.max(watch.next, batch.revision + 1);
        }
        signal.throwIfAborted();
        if (watch.failure !== undefined) throw watch.failure;
        if (watch.live && watch.queue.length === 0) {
          await new Promise<void>((resolve) => {
            watch.wake = resolve;
          });
          watch.wake = undefined;
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#watches.delete(watch);
    }
  }

  #take(watch: Watch): readonly WatchBatch[] {
    if (watch.failure !== undefined) return [];
    if (watch.live) {
      const taken = watch.queue;
      watch.queue = [];
      return taken;
    }
    if (watch.next <= this.#history.compacted) throw storeCompacted(watch.next, this.#history.compacted + 1);
    if (watch.next > this.#history.revision) {
      watch.live = true;
      return [];
    }
    const { batches, upTo } = this.#history.read(watch.prefix, watch.next);
    // What is read here lies in `batches`; commits during their delivery are queued from the revision after.
    watch.next = upTo + 1;
    watch.live = upTo >= this.#history.revision;
    return batches;
  }
}
