import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { KeyValue } from '../store.ts';
import { openDatabase } from './open-database.ts';

/** One life of one value: from the revision that wrote it until the one that replaced or deleted it. */
export interface VersionRow {
  readonly key: string;
  readonly value: string;
  readonly create_revision: number;
  readonly mod_revision: number;
  readonly lease: string | null;
}

/** One event of the history. `sequence` orders the events of one revision. */
export interface EventRow extends VersionRow {
  readonly revision: number;
  readonly sequence: number;
  readonly deleted: number;
}

export interface LeaseRow {
  readonly id: string;
  readonly ttl_ms: number;
}

const COLUMNS = 'key, value, create_revision, mod_revision, lease';

/** The rows behind the embedded store: what SQLite is asked, and nothing else. Every call is synchronous. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Why the running commit can no longer succeed. */
  #broken: { readonly failure: unknown } | undefined;

  constructor(path: string, maxBytes?: number) {
    this.#db = openDatabase(path);
    if (maxBytes === undefined) return;
    const pageBytes = this.#db.prepare('PRAGMA page_size').get()?.['page_size'] as number;
    this.#db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
  }

  /** Runs `work` in one durable commit; a failure undoes all of it. */
  commit(work: () => void): void {
    this.#broken = undefined;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#checkWhole();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /** Runs `work` inside {@link Database.commit}; when it throws, what it wrote is undone and the rest of the commit goes on. */
  attempt<T>(work: () => T): T {
    this.#checkWhole();
    this.#db.exec('SAVEPOINT attempt');
    try {
      const result = work();
      this.#db.exec('RELEASE attempt');
      return result;
    } catch (error) {
      try {
        this.#db.exec('ROLLBACK TO attempt');
        this.#db.exec('RELEASE attempt');
      } catch {
        // On a full disk or an I/O error SQLite gives up the whole transaction. Nothing more may be written on its behalf:
        // it would be committed statement by statement.
        this.#broken = { failure: error };
      }
      throw error;
    }
  }

  number(name: 'revision' | 'compacted'): number {
    return this.#statement('SELECT number FROM meta WHERE name = ?').get(name)?.['number'] as number;
  }

  setNumber(name: 'revision' | 'compacted', value: number): void {
    this.#run('UPDATE meta SET number = ? WHERE name = ?', value, name);
  }

  current(key: string): VersionRow | undefined {
    return this.#statement(`SELECT ${COLUMNS} FROM versions WHERE key = ? AND end_revision IS NULL`).get(key) as VersionRow | undefined;
  }

  /** Current versions with `from` <= key < `end` (`after` excludes `from` itself), in order of keys. */
  range(from: string, after: boolean, end: string | undefined, limit: number): VersionRow[] {
    const { where, values } = bounds(from, after, end);
    return this.#all(`SELECT ${COLUMNS} FROM versions WHERE ${where} AND end_revision IS NULL ORDER BY key LIMIT ?`, ...values, limit) as unknown as VersionRow[];
  }

  /** The same as of `revision`. */
  rangeAt(revision: number, from: string, after: boolean, end: string | undefined, limit: number): VersionRow[] {
    const { where, values } = bounds(from, after, end);
    return this.#all(
      `SELECT ${COLUMNS} FROM versions WHERE ${where} AND mod_revision <= ? AND (end_revision IS NULL OR end_revision > ?) ORDER BY key LIMIT ?`,
      ...values,
      revision,
      revision,
      limit,
    ) as unknown as VersionRow[];
  }

  insert(version: VersionRow, sequence: number): void {
    this.#run(
      'INSERT INTO versions (key, value, create_revision, mod_revision, mod_sequence, lease) VALUES (?, ?, ?, ?, ?, ?)',
      version.key,
      version.value,
      version.create_revision,
      version.mod_revision,
      sequence,
      version.lease,
    );
  }

  end(key: string, revision: number, sequence: number, deleted: boolean): void {
    this.#run('UPDATE versions SET end_revision = ?, end_sequence = ?, ended_by = ? WHERE key = ? AND end_revision IS NULL', revision, sequence, deleted ? 1 : 0, key);
  }

  /** Puts and deletions of revisions `from` to `to`, in order; whole revisions, as many as make about `limit` rows. */
  events(from: number, to: number, limit: number): EventRow[] {
    const last = this.#statement(
      `SELECT revision FROM (
         SELECT mod_revision AS revision FROM versions WHERE mod_revision BETWEEN ?1 AND ?2
         UNION ALL SELECT end_revision FROM versions WHERE end_revision BETWEEN ?1 AND ?2 AND ended_by = 1
       ) ORDER BY revision LIMIT 1 OFFSET ?3`,
    ).get(from, to, limit)?.['revision'] as number | undefined;
    return this.#all(
      `SELECT ${COLUMNS}, mod_revision AS revision, mod_sequence AS sequence, 0 AS deleted FROM versions WHERE mod_revision BETWEEN ?1 AND ?2
       UNION ALL
       SELECT ${COLUMNS}, end_revision, end_sequence, 1 FROM versions WHERE end_revision BETWEEN ?1 AND ?2 AND ended_by = 1
       ORDER BY revision, sequence`,
      from,
      last ?? to,
    ) as unknown as EventRow[];
  }

  /** The revision below which more than `rows` ended versions lie, counted from the newest; undefined when there are fewer. */
  revisionOfEndedVersion(rows: number): number | undefined {
    return this.#statement('SELECT end_revision FROM versions WHERE end_revision IS NOT NULL ORDER BY end_revision DESC LIMIT 1 OFFSET ?').get(rows)?.['end_revision'] as number | undefined;
  }

  /** Drops versions that ended at or before `revision`; returns how many. */
  dropEnded(revision: number): number {
    return this.#run('DELETE FROM versions WHERE end_revision <= ?', revision);
  }

  /** Gives pages that are no longer used back to the file system. */
  shrink(): void {
    this.#db.exec('PRAGMA incremental_vacuum');
  }

  leases(): LeaseRow[] {
    return this.#all('SELECT id, ttl_ms FROM leases') as unknown as LeaseRow[];
  }

  /** Also sees what the running commit did, unlike the leases in memory. */
  hasLease(id: string): boolean {
    return this.#statement('SELECT 1 FROM leases WHERE id = ?').get(id) !== undefined;
  }

  addLease(lease: LeaseRow): void {
    this.#run('INSERT INTO leases VALUES (?, ?)', lease.id, lease.ttl_ms);
  }

  removeLease(id: string): void {
    this.#run('DELETE FROM leases WHERE id = ?', id);
  }

  keysOfLease(id: string): string[] {
    return this.#all('SELECT key FROM versions WHERE lease = ? AND end_revision IS NULL ORDER BY key', id).map((row) => row['key'] as string);
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #checkWhole(): void {
    if (this.#broken !== undefined) throw this.#broken.failure;
  }

  #rollback(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself (disk full, I/O error); what the caller must hear is the first failure.
    }
  }
}

function bounds(from: string, after: boolean, end: string | undefined): { readonly where: string; readonly values: string[] } {
  const start = after ? 'key > ?' : 'key >= ?';
  return end === undefined ? { where: start, values: [from] } : { where: `${start} AND key < ?`, values: [from, end] };
}

export function toKeyValue(row: VersionRow): KeyValue {
  return { key: row.key, value: row.value, createRevision: row.create_revision, modRevision: row.mod_revision, lease: row.lease };
}
