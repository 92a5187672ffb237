import type { Database } from './database.ts';

/** How far watches and reads may lie behind. */
export interface KeptHistory {
  readonly revisions: number;
  /** Superseded values, whatever their revisions. */
  readonly versions: number;
}

/** Forgets history, inside the commits of its store; {@link undone} when one of them was rolled back. */
export class Compaction {
  readonly #db: Database;
  readonly #keep: KeptHistory;
  #revision: number;
  #ended = 0;

  constructor(db: Database, keep: KeptHistory) {
    this.#db = db;
    this.#keep = keep;
    this.#revision = db.number('compacted');
  }

  /** History up to and including this revision is forgotten. */
  get revision(): number {
    return this.#revision;
  }

  /** A value was superseded or deleted. */
  noteEnded(): void {
    this.#ended += 1;
  }

  /** Looked at only after a good number of changes, so that compaction costs little per write. Whether {@link shrink} has something to do. */
  runIfDue(revision: number): boolean {
    const { revisions, versions } = this.#keep;
    const slack = Math.max(1, Math.ceil(Math.min(revisions, versions) / 10));
    if (this.#ended < slack && revision - this.#revision < revisions + slack) return false;
    this.#ended = 0;
    const byRevision = revision - revisions;
    const byVersions = this.#db.revisionOfEndedVersion(versions) ?? 0;
    return this.run(Math.min(revision - 1, Math.max(byRevision, byVersions)));
  }

  /** Forgets the history up to and including `revision`. Whether {@link shrink} has something to do. */
  run(revision: number): boolean {
    if (revision <= this.#revision) return false;
    const dropped = this.#db.dropEnded(revision);
    this.#db.setNumber('compacted', revision);
    this.#revision = revision;
    return dropped > 0;
  }

  undone(): void {
    this.#revision = this.#db.number('compacted');
  }

  /** For after the commit. What is on the disk stays true when this fails, as on a full disk, and its writers wait for their answer; the next compaction tries again. */
  shrink(): void {
    try {
      this.#db.shrink();
    } catch {
      // The file only stays larger than it need be.
    }
  }
}
