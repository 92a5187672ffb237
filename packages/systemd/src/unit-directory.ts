import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { isMissing } from './errno.ts';
import { unitFileFailed } from './errors.ts';
import type { LocalUnitFile } from './unit-manager.ts';
import { checkUnitName, isManagedUnitName } from './unit-types.ts';

interface CachedHash {
  readonly inode: bigint;
  readonly size: bigint;
  readonly changedNs: bigint;
  readonly hash: string;
  /** Whether the file had been still for long enough when it was hashed that its time stamps tell every later change. */
  readonly settled: boolean;
}

/** Time stamps of files move in steps of a kernel tick, or of seconds on old file systems. */
const SETTLED_AFTER_NS = 2_000_000_000n;

/** How many files are looked at side by side: Node's thread pool has four threads. */
const PARALLEL_FILES = 16;

/** The directory of the unit files that fleet wrote. All names are checked before they become part of a path. */
export class UnitDirectory {
  readonly path: string;
  readonly #hashes = new Map<string, CachedHash>();

  constructor(path: string) {
    this.path = path;
  }

  /** @throws FleetError UNIT_REFUSED for a name that is none. */
  pathOf(name: string): string {
    checkUnitName(name);
    return join(this.path, name);
  }

  /** Writes beside and renames, so that nobody ever reads half a file. @throws FleetError UNIT_FILE_WRITE */
  async write(name: string, text: string): Promise<void> {
    const path = this.pathOf(name);
    // A dot in front and a suffix no unit has: neither systemd nor `list` takes it for a unit file.
    const beside = join(this.path, `.${randomBytes(6).toString('hex')}.tmp`);
    try {
      await mkdir(this.path, { recursive: true, mode: 0o755 });
      const file = await open(beside, 'wx', 0o644);
      try {
        // Whatever the umask says: systemd of a user and people may read unit files.
        await file.chmod(0o644);
        await file.writeFile(text);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      throw unitFileFailed('write unit file', path, error);
    }
  }

  /** @throws FleetError UNIT_FILE_WRITE */
  async remove(name: string): Promise<void> {
    const path = this.pathOf(name);
    this.#hashes.delete(name);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw unitFileFailed('remove unit file', path, error);
    }
  }

  /** The text of a unit's file; `undefined` if there is none. @throws FleetError UNIT_FILE_WRITE */
  async read(name: string): Promise<string | undefined> {
    const path = this.pathOf(name);
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw unitFileFailed('read unit file', path, error);
    }
  }

  /** Whether systemd could read a file of this name. */
  async has(name: string): Promise<boolean> {
    try {
      return isManagedUnitName(name) && (await stat(join(this.path, name))).isFile();
    } catch {
      return false;
    }
  }

  /** Unit files by name, with the hash of their bytes; a file is read again only if it may have changed. @throws FleetError UNIT_FILE_WRITE */
  async list(signal?: AbortSignal): Promise<readonly LocalUnitFile[]> {
    let names: string[];
    try {
      names = (await readdir(this.path)).filter(isManagedUnitName).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw unitFileFailed('list unit files in', this.path, error);
    }
    const files: LocalUnitFile[] = [];
    for (let from = 0; from < names.length; from += PARALLEL_FILES) {
      signal?.throwIfAborted();
      for (const file of await Promise.all(names.slice(from, from + PARALLEL_FILES).map((name) => this.#hash(name)))) {
        if (file !== undefined) files.push(file);
      }
    }
    const present = new Set(names);
    for (const name of this.#hashes.keys()) {
      if (!present.has(name)) this.#hashes.delete(name);
    }
    return files;
  }

  async #hash(name: string): Promise<LocalUnitFile | undefined> {
    const path = join(this.path, name);
    try {
      const before = await stat(path, { bigint: true });
      if (!before.isFile()) return undefined;
      const cached = this.#hashes.get(name);
      if (cached?.settled === true && cached.inode === before.ino && cached.size === before.size && cached.changedNs === before.ctimeNs) {
        return { name, hash: cached.hash };
      }
      // Wall time on purpose: it is compared with the file system's.
      const nowNs = BigInt(Date.now()) * 1_000_000n;
      const hash = createHash('sha1')
        .update(await readFile(path))
        .digest('hex');
      this.#hashes.set(name, { inode: before.ino, size: before.size, changedNs: before.ctimeNs, hash, settled: nowNs - before.ctimeNs > SETTLED_AFTER_NS });
      return { name, hash };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw unitFileFailed('read unit file', path, error);
    }
  }
}
