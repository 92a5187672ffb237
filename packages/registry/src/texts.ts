import { FleetError } from '@fleet/runtime';
import type { UnitHash } from '@fleet/model';
import type { Keys } from './keys.ts';
import type { CallOptions, Compare, Operation, Store } from './store.ts';

/** Characters of unit texts kept in memory. */
const CACHE_CHARACTERS = 8 * 1024 * 1024;

interface CachedText {
  readonly text: string;
  /** Create revision under which the text was seen in the store. */
  readonly createRevision: number;
}

/** What a transaction must contain so that a text exists when it has succeeded. */
export interface TextWrite {
  readonly compare: readonly Compare[];
  readonly operations: readonly Operation[];
}

/**
 * Unit texts by hash. They never change, so they are cached.
 *
 * Texts that no unit refers to are collected in two steps, so that no write can lose the text it relies on. The
 * collector first marks a text (`marks/<hash>`), and deletes it at a later call if the mark is still the same and no unit
 * refers to it in a listing made after the mark. Whoever refers to a text takes its mark away in the same transaction and
 * compares that the text exists. So a reference made before the deletion is either in the listing or has removed the mark
 * on which the deletion depends.
 */
export class Texts {
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #cache = new Map<string, CachedText>();
  #characters = 0;

  constructor(store: Store, keys: Keys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** @throws FleetError `UNIT_TEXT_MISSING` (not-found) */
  async read(hash: UnitHash, options?: CallOptions): Promise<string> {
    const cached = this.#cache.get(hash);
    if (cached !== undefined) {
      // Moves it to the young end of the map, which is its order of use.
      this.#cache.delete(hash);
      this.#cache.set(hash, cached);
      return cached.text;
    }
    const { item } = await this.#store.get(this.#keys.text(hash), options);
    if (item === null) {
      throw new FleetError(`the text of unit file ${hash} is not in the registry`, { code: 'UNIT_TEXT_MISSING', kind: 'not-found', remedy: 'submit the unit again with its text' });
    }
    this.#remember(hash, { text: item.value, createRevision: item.createRevision });
    return item.value;
  }

  /** Reads what is needed to write or keep `text`. A stale memory only fails the comparison, see {@link Texts.forget}; `optimistic` guesses that an unknown text is new. */
  async prepareWrite(hash: UnitHash, text: string, options: CallOptions | undefined, optimistic: boolean): Promise<TextWrite> {
    const key = this.#keys.text(hash);
    const mark = this.#keys.mark(hash);
    const cached = this.#cache.get(hash);
    if (cached?.text === text) {
      return { compare: [{ kind: 'create-revision', key, equals: cached.createRevision }, { kind: 'create-revision', key: mark, equals: 0 }], operations: [] };
    }
    if (optimistic) return { compare: [{ kind: 'create-revision', key, equals: 0 }], operations: [{ kind: 'put', key, value: text }] };
    const [{ item }, { item: marked }] = await Promise.all([this.#store.get(key, options), this.#store.get(mark, options)]);
    const compare: Compare[] = [{ kind: 'create-revision', key, equals: item?.createRevision ?? 0 }];
    // A text that does not exist is not marked either, and conditions are few in a transaction.
    if (item !== null || marked !== null) compare.push({ kind: 'create-revision', key: mark, equals: marked?.createRevision ?? 0 });
    const operations: Operation[] = [];
    if (item === null) operations.push({ kind: 'put', key, value: text });
    if (marked !== null) operations.push({ kind: 'delete', key: mark });
    if (item !== null && marked === null) this.#remember(hash, { text: item.value, createRevision: item.createRevision });
    return { compare, operations };
  }

  /** Remembers a text that a transaction has written at `revision`. */
  wrote(hash: string, text: string, revision: number): void {
    this.#remember(hash, { text, createRevision: revision });
  }

  /** Drops what is known of a text, because a transaction that relied on it failed. */
  forget(hash: string): void {
    const cached = this.#cache.get(hash);
    if (cached === undefined) return;
    this.#cache.delete(hash);
    this.#characters -= cached.text.length;
  }

  #remember(hash: string, entry: CachedText): void {
    this.forget(hash);
    this.#cache.set(hash, entry);
    this.#characters += entry.text.length;
    for (const oldest of this.#cache.keys()) {
      if (this.#characters <= CACHE_CHARACTERS) break;
      this.forget(oldest);
    }
  }
}
