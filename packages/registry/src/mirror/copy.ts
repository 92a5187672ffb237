import { describeError, isFleetError, type Logger } from '@fleet/runtime';
import { decodeRecord } from '../codecs.ts';
import type { Keys } from '../keys.ts';
import type { RecordChange, RecordKind, RecordKinds } from '../registry-types.ts';
import type { KeyValue, WatchChange } from '../store.ts';

type Maps = { readonly [K in RecordKind]: Map<string, RecordKinds[K]> };

/** A record decoded, or the news that there is one which cannot be. */
export interface Decoded {
  readonly kind: RecordKind;
  readonly id: string;
  readonly record: RecordKinds[RecordKind] | undefined;
}

export interface CopyOptions {
  readonly keys: Keys;
  readonly logger: Logger;
  /** Whether the copy holds this record; what it does not hold is ignored. */
  readonly holds: (kind: RecordKind, id: string) => boolean;
}

/**
 * The records of a mirror, changed in place. A record that cannot be decoded is reported, and the last one that could
 * be stays: a damaged value must not look like the wish to stop a unit.
 */
export class Copy {
  readonly #options: CopyOptions;
  readonly #maps: Maps = {
    units: new Map(),
    globals: new Map(),
    place: new Map(),
    sched: new Map(),
    state: new Map(),
    machines: new Map(),
    metadata: new Map(),
    pending: new Map(),
    leader: new Map(),
  };
  /** Keys and revisions reported already, so that each listing does not report them again. */
  readonly #reported = new Map<string, number>();

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  records<K extends RecordKind>(kind: K): ReadonlyMap<string, RecordKinds[K]> {
    return this.#maps[kind];
  }

  /** Applies one watch event; undefined when it changes nothing here. */
  apply(change: WatchChange): RecordChange | undefined {
    if (change.kind === 'put') {
      const decoded = this.decode(change.item);
      return decoded?.record === undefined ? undefined : this.#set(decoded.kind, decoded.id, decoded.record);
    }
    const parsed = this.#options.keys.parse(change.key);
    this.#reported.delete(change.key);
    return parsed === null ? undefined : this.#remove(parsed.kind, parsed.id);
  }

  /** Decodes a listed item; undefined when this copy does not hold its kind. */
  decode(item: KeyValue): Decoded | undefined {
    const { keys, logger, holds } = this.#options;
    const parsed = keys.parse(item.key);
    if (parsed === null || !holds(parsed.kind, parsed.id)) return undefined;
    try {
      return { ...parsed, record: decodeRecord(parsed.kind, item, parsed.id) };
    } catch (error) {
      if (!isFleetError(error, 'RECORD_INVALID')) throw error;
      if (this.#reported.get(item.key) !== item.modRevision) {
        this.#reported.set(item.key, item.modRevision);
        logger.warn('record skipped', { key: item.key, revision: item.modRevision, error: describeError(error) });
      }
      return { ...parsed, record: undefined };
    }
  }

  /** Makes the copy equal to a complete listing; returns what differed. */
  replace(listing: readonly Decoded[]): RecordChange[] {
    const changes: RecordChange[] = [];
    if (Object.values(this.#maps).every((map) => map.size === 0)) {
      for (const { kind, id, record } of listing) if (record !== undefined) changes.push(this.#set(kind, id, record));
      return changes;
    }
    const present = new Map<RecordKind, Set<string>>();
    for (const { kind, id, record } of listing) {
      let ids = present.get(kind);
      if (ids === undefined) {
        ids = new Set();
        present.set(kind, ids);
      }
      ids.add(id);
      const before = this.#maps[kind].get(id);
      if (record === undefined || (before !== undefined && equal(before, record))) continue;
      changes.push(this.#set(kind, id, record));
    }
    for (const kind of Object.keys(this.#maps) as RecordKind[]) {
      const ids = present.get(kind);
      for (const id of this.#maps[kind].keys()) {
        if (ids?.has(id) === true) continue;
        const change = this.#remove(kind, id);
        if (change !== undefined) changes.push(change);
      }
    }
    return changes;
  }

  /**
   * Compares with a complete listing of keys, without their values. Each difference names the key and both revisions, so that one which stays the
   * same can be told from a change that is on its way.
   */
  differences(listing: readonly KeyValue[]): string[] {
    const { keys, holds } = this.#options;
    const differences: string[] = [];
    const present = new Map<RecordKind, Set<string>>();
    for (const { key, modRevision } of listing) {
      const parsed = keys.parse(key);
      if (parsed === null || !holds(parsed.kind, parsed.id)) continue;
      const ids = present.get(parsed.kind);
      if (ids === undefined) present.set(parsed.kind, new Set([parsed.id]));
      else ids.add(parsed.id);
      const held = this.#maps[parsed.kind].get(parsed.id)?.revision ?? 0;
      // One that cannot be decoded is known, though not held.
      if (held !== modRevision && this.#reported.get(key) !== modRevision) differences.push(`${key}: ${held} here, ${modRevision} in the store`);
    }
    for (const kind of Object.keys(this.#maps) as RecordKind[]) {
      for (const [id, { revision }] of this.#maps[kind]) {
        if (present.get(kind)?.has(id) !== true) differences.push(`${kind}/${id}: ${revision} here, gone in the store`);
      }
    }
    return differences;
  }

  #set(kind: RecordKind, id: string, after: RecordKinds[RecordKind]): RecordChange {
    const map = this.#maps[kind] as Map<string, RecordKinds[RecordKind]>;
    const before = map.get(id);
    map.set(id, after);
    // One kind for map and record: the decoder of that kind made the record.
    return { kind, id, before, after } as RecordChange;
  }

  #remove(kind: RecordKind, id: string): RecordChange | undefined {
    const map = this.#maps[kind];
    const before = map.get(id);
    if (before === undefined) return undefined;
    map.delete(id);
    return { kind, id, before, after: undefined } as RecordChange;
  }
}

// Equal revisions alone do not do: a store restored from a backup uses its revisions a second time.
function equal(a: RecordKinds[RecordKind], b: RecordKinds[RecordKind]): boolean {
  return a.revision === b.revision && JSON.stringify(a) === JSON.stringify(b);
}
