import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TargetState } from '@fleet/model';
import type { LeaseId } from '@fleet/registry';
import { FleetError } from '@fleet/runtime';

/** What was last asked of systemd for a unit. */
export type Asked = Exclude<TargetState, 'inactive'>;

export interface SessionMemory {
  readonly sessionId: string;
  readonly lease: LeaseId | null;
}

/**
 * What a fleetd leaves for the one that is started after it on the same boot: its session, its lease and what it asked
 * systemd for. Lives in the runtime directory, which a reboot empties; where it does not, the boot id tells.
 */
export interface RuntimeMemory {
  readonly session: SessionMemory;
  saveLease(lease: LeaseId | null): Promise<void>;
  /** What was asked for by unit name. */
  readonly asked: ReadonlyMap<string, Asked>;
  /** Remembers, or forgets with null. Later calls for one unit win over earlier ones. */
  saveAsked(unit: string, asked: Asked | null): Promise<void>;
}

/** Opens (and if need be makes) the memory in `directory`. Throws FleetError `RUNTIME_DIRECTORY` when it cannot be used. */
export async function openRuntimeMemory(directory: string, bootId: string): Promise<RuntimeMemory> {
  const askedDirectory = join(directory, 'asked');
  try {
    await mkdir(askedDirectory, { recursive: true, mode: 0o755 });
    const saved = await readSession(join(directory, 'session.json'));
    const same = saved?.bootId === bootId ? saved : undefined;
    if (same === undefined) await clearDirectory(askedDirectory);
    const memory = new FileMemory(directory, bootId, { sessionId: same?.sessionId ?? randomUUID(), lease: same?.lease ?? null }, await readAsked(askedDirectory));
    if (same === undefined) await memory.saveLease(null);
    return memory;
  } catch (cause) {
    throw new FleetError(`cannot use the runtime directory ${directory}`, {
      code: 'RUNTIME_DIRECTORY',
      kind: 'invalid',
      cause,
      remedy: 'make it writable for fleetd, or set runtime_directory in fleet.conf',
    });
  }
}

/** A memory that is lost with the process: for tests, and for those who want nothing kept. */
export function createVolatileMemory(): RuntimeMemory {
  const asked = new Map<string, Asked>();
  let session: SessionMemory = { sessionId: randomUUID(), lease: null };
  return {
    get session() {
      return session;
    },
    asked,
    saveLease: (lease) => {
      session = { ...session, lease };
      return Promise.resolve();
    },
    saveAsked: (unit, value) => {
      if (value === null) asked.delete(unit);
      else asked.set(unit, value);
      return Promise.resolve();
    },
  };
}

class FileMemory implements RuntimeMemory {
  readonly asked: Map<string, Asked>;
  readonly #directory: string;
  readonly #bootId: string;
  readonly #writes = new Map<string, Promise<void>>();
  #session: SessionMemory;
  #counter = 0;

  constructor(directory: string, bootId: string, session: SessionMemory, asked: Map<string, Asked>) {
    this.#directory = directory;
    this.#bootId = bootId;
    this.#session = session;
    this.asked = asked;
  }

  get session(): SessionMemory {
    return this.#session;
  }

  async saveLease(lease: LeaseId | null): Promise<void> {
    this.#session = { ...this.#session, lease };
    await this.#serially('session.json', () => this.#replace(join(this.#directory, 'session.json'), JSON.stringify({ ...this.#session, bootId: this.#bootId })));
  }

  async saveAsked(unit: string, asked: Asked | null): Promise<void> {
    if (asked === null) this.asked.delete(unit);
    else this.asked.set(unit, asked);
    const path = join(this.#directory, 'asked', unit);
    await this.#serially(`asked/${unit}`, async () => {
      // Writes wait for each other; the newest value is the one to write.
      const now = this.asked.get(unit);
      if (now === undefined) await rm(path, { force: true });
      else await this.#replace(path, now);
    });
  }

  /** Beside and renamed, so that a crash leaves the old content or the new. */
  async #replace(path: string, text: string): Promise<void> {
    const beside = join(this.#directory, `.write-${process.pid}-${this.#counter++}`);
    try {
      await writeFile(beside, text, { mode: 0o600 });
      await rename(beside, path);
    } catch (error) {
      await unlink(beside).catch(() => undefined);
      throw error;
    }
  }

  async #serially(key: string, work: () => Promise<void>): Promise<void> {
    const before = this.#writes.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#writes.set(key, mine);
    try {
      await mine;
    } finally {
      if (this.#writes.get(key) === mine) this.#writes.delete(key);
    }
  }
}

async function readSession(path: string): Promise<(SessionMemory & { readonly bootId: string }) | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    // Absent or torn: a new session is always right, it only costs the wait for the old lease.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { sessionId, lease, bootId } = value as Record<string, unknown>;
  if (typeof sessionId !== 'string' || sessionId === '' || typeof bootId !== 'string') return undefined;
  return { sessionId, bootId, lease: typeof lease === 'string' ? lease : null };
}

async function readAsked(directory: string): Promise<Map<string, Asked>> {
  const asked = new Map<string, Asked>();
  for (const name of await readdir(directory)) {
    const word = await readFile(join(directory, name), 'utf8').catch(() => '');
    if (word === 'loaded' || word === 'launched') asked.set(name, word);
  }
  return asked;
}

async function clearDirectory(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { force: true, recursive: true });
}
