import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { FleetError } from '@fleet/runtime';
import { storeUnavailable } from '../store-errors.ts';

/** "flee" in ASCII: lets `file` and other programs tell whose database it is. */
const APPLICATION_ID = 0x66_6c_65_65;
const SCHEMA_VERSION = 1;

// `end_revision` is null for the current version of a key. `ended_by` says how it ended: 1 deleted, 0 replaced.
const SCHEMA = `
  CREATE TABLE versions (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL,
    mod_sequence INTEGER NOT NULL,
    lease TEXT,
    end_revision INTEGER,
    end_sequence INTEGER,
    ended_by INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX current ON versions (key) WHERE end_revision IS NULL;
  CREATE INDEX by_key ON versions (key, mod_revision);
  CREATE INDEX by_mod ON versions (mod_revision, mod_sequence);
  CREATE INDEX by_end ON versions (end_revision, end_sequence) WHERE end_revision IS NOT NULL;
  CREATE INDEX by_lease ON versions (lease) WHERE end_revision IS NULL AND lease IS NOT NULL;
  CREATE TABLE leases (id TEXT PRIMARY KEY, ttl_ms REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('revision', 1), ('compacted', 0);
`;

/**
 * Opens the file for this process alone and brings it to the current schema. The lock is one of the operating system's,
 * held until the file is closed or the process ends in whatever way, so there is never a stale one.
 */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    // SQLite would create the file readable to all: it holds unit texts, which may hold secrets.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    const isNew = checkFormat(db, path);
    if (isNew) db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    db.exec('PRAGMA journal_mode = WAL');
    // FULL: a commit is on the disk when it is acknowledged, also across a power cut.
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA journal_size_limit = 16777216');
    // Takes the lock, also when there is nothing to create.
    db.exec('BEGIN IMMEDIATE');
    if (isNew) create(db);
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db?.close();
    throw openFailure(path, error);
  }
}

/** Whether the file is empty. Looks before anything is changed: a file that is not ours stays as it is. */
function checkFormat(db: DatabaseSync, path: string): boolean {
  const application = db.prepare('PRAGMA application_id').get()?.['application_id'];
  const version = db.prepare('PRAGMA user_version').get()?.['user_version'] as number;
  const tables = db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables'];
  if (application === APPLICATION_ID && version === SCHEMA_VERSION) return false;
  if (application === APPLICATION_ID) {
    throw new FleetError(`the store ${path} has format ${version}; this program knows format ${SCHEMA_VERSION}`, { code: 'STORE_FORMAT_UNKNOWN', kind: 'internal', remedy: 'run the version of fleetd that wrote it, or a newer one' });
  }
  if (tables !== 0) {
    throw new FleetError(`${path} is a database of another program`, { code: 'STORE_FORMAT_UNKNOWN', kind: 'internal', remedy: 'name another file for the embedded registry' });
  }
  return true;
}

function create(db: DatabaseSync): void {
  db.exec(SCHEMA);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function openFailure(path: string, error: unknown): unknown {
  if (error instanceof FleetError) return error;
  const code = sqliteCode(error);
  if (code === SQLITE_BUSY) {
    return new FleetError(`the embedded store ${path} is in use by another process`, { code: 'STORE_IN_USE', kind: 'conflict', cause: error, remedy: 'stop the other fleetd, or give this one a file of its own' });
  }
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
    return new FleetError(`the embedded store ${path} is damaged or no database`, { code: 'STORE_CORRUPT', kind: 'internal', cause: error, remedy: 'restore the file from a backup, or move it away to start with an empty registry' });
  }
  return storeUnavailable(`cannot open the embedded store ${path}`, error);
}

/** SQLite's result code without its extension, when the error is one of SQLite's. Not asked by class: Node's own errors may be of another realm. */
function sqliteCode(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
