import { compareBytes, operationBytes } from './limits.ts';
import { MAX_OPERATIONS, MAX_REQUEST_BYTES, type Compare, type Operation, type Transaction } from './store.ts';

/** Part of a transaction that must go in whole or not at all. */
export interface Part {
  readonly compare: readonly Compare[];
  readonly operations: readonly Operation[];
}

/** Left free for what the adapter adds around the parts. */
const RESERVED_BYTES = 4_096;

/** A transaction in the making, which knows what still fits. The same condition or write of two parts is kept once. */
export class Batch {
  readonly #compare = new Map<string, Compare>();
  readonly #operations = new Map<string, Operation>();
  #bytes = RESERVED_BYTES;

  /** Adds a part if it fits and contradicts nothing; otherwise changes nothing and returns false. */
  add(part: Part): boolean {
    const compare = new Map<string, Compare>();
    const operations = new Map<string, Operation>();
    let bytes = this.#bytes;
    for (const condition of part.compare) {
      const key = `${condition.kind} ${condition.key}`;
      const present = this.#compare.get(key) ?? compare.get(key);
      if (present !== undefined && present.equals !== condition.equals) return false;
      if (present !== undefined) continue;
      compare.set(key, condition);
      bytes += compareBytes(condition);
    }
    for (const operation of part.operations) {
      const key = operation.kind === 'delete-prefix' ? operation.prefix : operation.key;
      const present = this.#operations.get(key) ?? operations.get(key);
      if (present !== undefined && !same(present, operation)) return false;
      if (present !== undefined) continue;
      operations.set(key, operation);
      bytes += operationBytes(operation);
    }
    const fits = this.#compare.size + compare.size <= MAX_OPERATIONS && this.#operations.size + operations.size <= MAX_OPERATIONS && bytes <= MAX_REQUEST_BYTES;
    if (!fits) return false;
    for (const [key, condition] of compare) this.#compare.set(key, condition);
    for (const [key, operation] of operations) this.#operations.set(key, operation);
    this.#bytes = bytes;
    return true;
  }

  transaction(): Transaction {
    return { compare: [...this.#compare.values()], operations: [...this.#operations.values()] };
  }
}

/**
 * Packs items into as few transactions as their order allows: an item that does not fit beside the ones before it, or
 * contradicts one of them, begins the next. `common` is part of every transaction.
 *
 * @throws FleetError `STORE_REQUEST_TOO_LARGE` later, from the store, when one item is too large alone.
 */
export function packBatches<T>(items: readonly T[], partOf: (item: T) => Part, common: Part = { compare: [], operations: [] }): { readonly items: readonly T[]; readonly transaction: Transaction }[] {
  const packed: { items: T[]; transaction: Transaction }[] = [];
  let batch: Batch | undefined;
  let members: T[] = [];
  const close = (): void => {
    if (batch !== undefined && members.length > 0) packed.push({ items: members, transaction: batch.transaction() });
  };
  for (const item of items) {
    const part = partOf(item);
    if (batch?.add(part) !== true) {
      close();
      batch = new Batch();
      batch.add(common);
      members = [];
      if (!batch.add(part)) {
        // Too large even alone: handed to the store as it is, which says so with the documented error.
        packed.push({ items: [item], transaction: { compare: [...common.compare, ...part.compare], operations: [...common.operations, ...part.operations] } });
        batch = undefined;
        continue;
      }
    }
    members.push(item);
  }
  close();
  return packed;
}

function same(a: Operation, b: Operation): boolean {
  return a.kind === b.kind && (a.kind !== 'put' || b.kind !== 'put' || (a.value === b.value && a.lease === b.lease));
}
