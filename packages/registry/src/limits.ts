import { requestInvalid, requestTooLarge } from './store-errors.ts';
import { MAX_OPERATIONS, MAX_REQUEST_BYTES, type Compare, type Operation, type Transaction } from './store.ts';

/** Room for the envelope of one operation or condition: tags, lengths, lease, revision. */
const ENVELOPE_BYTES = 48;

/** Bytes an operation takes in a request, rounded up. */
export function operationBytes(operation: Operation): number {
  switch (operation.kind) {
    case 'put':
      return Buffer.byteLength(operation.key) + Buffer.byteLength(operation.value) + ENVELOPE_BYTES;
    case 'delete':
      return Buffer.byteLength(operation.key) + ENVELOPE_BYTES;
    case 'delete-prefix':
      return 2 * Buffer.byteLength(operation.prefix) + ENVELOPE_BYTES;
  }
}

/** Bytes a condition takes in a request, rounded up. */
export function compareBytes(compare: Compare): number {
  return Buffer.byteLength(compare.key) + (compare.kind === 'value' ? Buffer.byteLength(compare.equals) : 0) + ENVELOPE_BYTES;
}

/**
 * What every adapter checks before it sends a transaction, so that all refuse the same things.
 *
 * @throws FleetError `STORE_REQUEST_TOO_LARGE` over {@link MAX_OPERATIONS} or {@link MAX_REQUEST_BYTES};
 *   `STORE_REQUEST_INVALID` for an empty or malformed key, or a put on a key that another operation also changes (as etcd
 *   `checkTxnRequest`, "duplicate key given in txn request").
 */
export function checkTransaction(transaction: Transaction): void {
  const { compare, operations } = transaction;
  if (operations.length > MAX_OPERATIONS) throw requestTooLarge(`a transaction of ${operations.length} operations; at most ${MAX_OPERATIONS} are allowed`);
  if (compare.length > MAX_OPERATIONS) throw requestTooLarge(`a transaction of ${compare.length} conditions; at most ${MAX_OPERATIONS} are allowed`);
  let bytes = 0;
  for (const condition of compare) {
    checkKey(condition.key);
    bytes += compareBytes(condition);
  }
  const puts = new Set<string>();
  const deletes = new Set<string>();
  const prefixes: string[] = [];
  for (const operation of operations) {
    bytes += operationBytes(operation);
    switch (operation.kind) {
      case 'put':
        checkKey(operation.key);
        if (puts.has(operation.key)) throw twice(operation.key);
        puts.add(operation.key);
        break;
      case 'delete':
        checkKey(operation.key);
        deletes.add(operation.key);
        break;
      case 'delete-prefix':
        checkWellFormed(operation.prefix);
        prefixes.push(operation.prefix);
        break;
    }
  }
  for (const key of puts) {
    if (deletes.has(key) || prefixes.some((prefix) => key.startsWith(prefix))) throw twice(key);
  }
  if (bytes > MAX_REQUEST_BYTES) throw requestTooLarge(`a request of ${bytes} bytes; at most ${MAX_REQUEST_BYTES} are allowed`);
}

/** @throws FleetError `STORE_REQUEST_INVALID` */
export function checkKey(key: string): void {
  if (key === '') throw requestInvalid('a key is empty');
  checkWellFormed(key);
}

/** @throws FleetError `STORE_REQUEST_INVALID` when the time is not a positive number of milliseconds. */
export function checkTtl(ttlMs: number): void {
  if (!Number.isFinite(ttlMs) || ttlMs <= 0) throw requestInvalid(`a lease of ${ttlMs} ms; it must last longer than 0 ms`);
}

/** @throws FleetError `STORE_REQUEST_INVALID` when a watch would not start at a revision. */
export function checkWatchRevision(fromRevision: number): void {
  if (!Number.isSafeInteger(fromRevision) || fromRevision < 1) throw requestInvalid(`a watch from revision ${fromRevision}; the first revision is 1`);
}

/**
 * The first key after all keys that start with `prefix`, in byte order of UTF-8; undefined when nothing comes after them.
 * Works on code points, whose order is the byte order of UTF-8, so that the end is text as well.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix);
  for (let last = points.length - 1; last >= 0; last -= 1) {
    const point = points[last]?.codePointAt(0) ?? 0;
    if (point < 0x10_ff_ff) {
      // Surrogates are no characters: the one after U+D7FF is U+E000.
      const next = point === 0xd7_ff ? 0xe0_00 : point + 1;
      return points.slice(0, last).join('') + String.fromCodePoint(next);
    }
  }
  return undefined;
}

/** Where a page of a range begins: after `startAfter` if that lies at or behind the prefix, in byte order, else at the prefix. */
export function pageStart(prefix: string, startAfter: string | undefined): { readonly key: string; readonly after: boolean } {
  if (startAfter === undefined) return { key: prefix, after: false };
  const after = startAfter.startsWith(prefix) || Buffer.compare(Buffer.from(startAfter), Buffer.from(prefix)) > 0;
  return { key: after ? startAfter : prefix, after };
}

function checkWellFormed(text: string): void {
  if (/\p{Surrogate}/u.test(text)) throw requestInvalid(`key ${JSON.stringify(text)} is not valid Unicode`);
}

function twice(key: string): Error {
  return requestInvalid(`key ${key} is changed twice in one transaction`);
}
