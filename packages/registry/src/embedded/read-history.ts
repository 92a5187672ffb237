import type { WatchBatch, WatchChange } from '../store.ts';
import { toKeyValue, type Database } from './database.ts';

/** Rows of history read at a time for a watch that lags. */
const HISTORY_PAGE = 1_000;

/** Changes below `prefix` at revisions from `from` on, as far as a page goes, `present` at most; `upTo` is the last revision they cover. */
export function readHistory(db: Database, prefix: string, from: number, present: number): { readonly batches: readonly WatchBatch[]; readonly upTo: number } {
  const rows = db.events(from, present, HISTORY_PAGE);
  const batches: { revision: number; changes: WatchChange[] }[] = [];
  for (const row of rows) {
    if (!row.key.startsWith(prefix)) continue;
    let batch = batches.at(-1);
    if (batch?.revision !== row.revision) {
      batch = { revision: row.revision, changes: [] };
      batches.push(batch);
    }
    batch.changes.push(row.deleted === 1 ? { kind: 'delete', key: row.key } : { kind: 'put', item: toKeyValue(row) });
  }
  // A short page reaches the present; a full one ends with its last whole revision.
  return { batches, upTo: rows.length <= HISTORY_PAGE ? present : (rows.at(-1)?.revision ?? present) };
}
