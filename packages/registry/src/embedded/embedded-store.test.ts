import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { isFleetError } from '@fleet/runtime';
import { FakeClock, waitUntil } from '@fleet/runtime/testing';
import { failureOf, put, remove, takeBatches } from '../testing/contract-support.ts';
import { Database } from './database.ts';
import { createEmbeddedStore, createMemoryStore, type EmbeddedStore, type EmbeddedStoreOptions } from './index.ts';

let directory: string;
let path: string;
let open: EmbeddedStore[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-embedded-'));
  path = join(directory, 'registry.db');
  open = [];
});
afterEach(async () => {
  for (const store of open) await store[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});
const start = (options: Partial<EmbeddedStoreOptions> = {}): EmbeddedStore => {
  const store = createEmbeddedStore({ path, ...options });
  open.push(store);
  return store;
};
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return isFleetError(error) ? error.code : String(error);
  }
  return 'no failure';
};

describe('the file of an embedded store', () => {
  it('keeps contents, revisions and history', async () => {
    const first = start();
    const one = await put(first, '/a', 'one');
    const two = await put(first, '/a', 'two');
    const gone = await remove(first, '/a');
    const three = await put(first, '/a', 'three');
    await first[Symbol.asyncDispose]();
    const second = start();
    expect(await second.get('/a')).toEqual({ item: { key: '/a', value: 'three', createRevision: three, modRevision: three, lease: null }, revision: three });
    expect((await second.range({ prefix: '/', revision: two })).items[0]?.value).toBe('two');
    expect((await takeBatches(second, { prefix: '/', fromRevision: one }, 4)).map((batch) => batch.revision)).toEqual([one, two, gone, three]);
    expect(await put(second, '/b', '')).toBe(three + 1);
  });

  it('gives no revision out twice, even when everything was deleted', async () => {
    const first = start();
    await put(first, '/a', '');
    const last = await remove(first, '/a');
    await first.compact(last);
    await first[Symbol.asyncDispose]();
    expect((await start().get('/a')).revision).toBe(last);
  });

  it('is readable by its owner only', async () => {
    await put(start(), '/a', '');
    expect((await stat(path)).mode & 0o077).toBe(0);
    expect((await stat(`${path}-wal`)).mode & 0o077).toBe(0);
  });

  it('is refused while another has it, naming the file, and free afterwards', async () => {
    const first = start();
    const failure = await failureOf(Promise.resolve().then(() => start()));
    expect(failure).toMatchObject({ code: 'STORE_IN_USE', kind: 'conflict', message: expect.stringContaining(path) as unknown as string, remedy: expect.stringContaining('stop the other fleetd') as unknown as string });
    await put(first, '/a', 'still works');
    await first[Symbol.asyncDispose]();
    expect((await start().get('/a')).item?.value).toBe('still works');
  });

  it.each([
    { name: 'no database', prepare: () => writeFile(path, 'x'.repeat(5_000)), code: 'STORE_CORRUPT' },
    { name: 'a folder that does not exist', prepare: () => rm(directory, { recursive: true }), code: 'STORE_UNAVAILABLE' },
    { name: 'a folder in its place', prepare: async () => void (path = directory), code: 'STORE_UNAVAILABLE' },
  ])('$name is reported as $code', async ({ prepare, code }) => {
    await prepare();
    expect(codeOf(() => start())).toBe(code);
  });

  it('of another program or a newer format is left alone', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const foreign = new DatabaseSync(path);
    foreign.exec('CREATE TABLE theirs (x)');
    foreign.close();
    expect(codeOf(() => start())).toBe('STORE_FORMAT_UNKNOWN');
    path = join(directory, 'newer.db');
    await start()[Symbol.asyncDispose]();
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    const before = await readFile(path);
    expect(codeOf(() => start())).toBe('STORE_FORMAT_UNKNOWN');
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('does not grow without bound', async () => {
    const store = start({ keepRevisions: 100 });
    const value = 'x'.repeat(1_000);
    const write = async (rounds: number): Promise<number> => {
      for (let round = 0; round < rounds; round += 1) await Promise.all(Array.from({ length: 50 }, (_, index) => put(store, `/k${index}`, value)));
      await store[Symbol.asyncDispose]();
      return (await stat(path)).size;
    };
    const size = await write(60);
    expect(size).toBeLessThan(1_500_000);
    const again = start();
    expect((await again.range({ prefix: '/' })).items).toHaveLength(50);
  });

  it('that is full fails the write, keeps what it has, and takes smaller writes again', async () => {
    const store = start({ maxBytes: 400_000 });
    const before = await put(store, '/a', 'kept');
    const [big, small] = await Promise.allSettled([put(store, '/big', 'x'.repeat(1_000_000)), put(store, '/small', 'with it in one commit')]);
    expect((await store.get('/small')).item?.value).toBe(small.status === 'fulfilled' ? 'with it in one commit' : undefined);
    expect(big).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE', kind: 'unavailable' } });
    expect(await store.get('/a')).toMatchObject({ item: { value: 'kept' } });
    expect((await store.get('/big')).item).toBeNull();
    expect((await store.get('/small')).item === null).toBe(small.status === 'rejected');
    const after = await put(store, '/next', 'v');
    expect(after).toBe(small.status === 'rejected' ? before + 1 : before + 2);
    await store[Symbol.asyncDispose]();
    expect((await start().range({ prefix: '/' })).items.length).toBe(small.status === 'rejected' ? 2 : 3);
  });

  it('that cannot be made smaller, as on a full disk, keeps nobody from his answer', async () => {
    const store = start({ keepRevisions: 10 });
    let tries = 0;
    const shrink = jest.spyOn(Database.prototype, 'shrink').mockImplementation(() => {
      tries += 1;
      throw new Error('database or disk is full');
    });
    try {
      for (let index = 0; index < 50; index += 1) await put(store, '/a', `v${index}`);
    } finally {
      shrink.mockRestore();
    }
    expect(tries).toBeGreaterThan(0);
    expect((await store.get('/a')).item?.value).toBe('v49');
  });

  it('that cannot be written is reported when opened', async () => {
    // root may write anything; then there is nothing to see.
    if (process.getuid?.() === 0) return;
    await chmod(directory, 0o500);
    expect(codeOf(() => start())).toBe('STORE_UNAVAILABLE');
    await chmod(directory, 0o700);
  });
});

describe('kill -9 in the middle of writes', () => {
  it('loses nothing that was acknowledged, and leaves no half transaction', async () => {
    let lost = 0;
    for (let round = 0; round < 3; round += 1) {
      const { acknowledged, lease } = await writeUntilKilled(200 + round * 150);
      const store = start();
      const numbers = new Set((await store.range({ prefix: '/n/' })).items.map((item) => Number(item.value)));
      const pairs = new Set((await store.range({ prefix: '/pair/' })).items.map((item) => Number(item.value)));
      expect(acknowledged.length).toBeGreaterThanOrEqual(200);
      lost += acknowledged.filter((number) => !numbers.has(number)).length;
      expect(pairs).toEqual(numbers);
      // The lease was persisted too, and goes on.
      expect((await store.keepAlive(lease)).ttlMs).toBe(60_000);
      await store[Symbol.asyncDispose]();
      await rm(path);
      await rm(`${path}-wal`, { force: true });
    }
    expect(lost).toBe(0);
  }, 60_000);

  /** Runs the writer until it has told of `count` writes, kills it, and returns all it told of. */
  async function writeUntilKilled(count: number): Promise<{ acknowledged: number[]; lease: string }> {
    const child = spawn(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'crash-writer.ts'), path], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } });
    const gone = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await waitUntil(`${count} writes`, () => output.split('\n').length > count + 1, { deadlineMs: 20_000 });
    child.kill('SIGKILL');
    await gone;
    const [first = '', ...lines] = output.split('\n').slice(0, -1);
    return { acknowledged: lines.map(Number), lease: first.replace('lease ', '') };
  }
});

describe('leases of an embedded store', () => {
  it('go on with a full TTL after a restart, however long it was down', async () => {
    const clock = new FakeClock();
    const first = start({ clock });
    const { id } = await first.grantLease(10_000);
    await put(first, '/k', '', id);
    await clock.advance(9_000);
    await first[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
    await clock.advance(100_000);
    const second = start({ clock });
    await clock.advance(9_000);
    expect((await second.get('/k')).item?.lease).toBe(id);
    await clock.advance(2_000);
    expect((await second.get('/k')).item).toBeNull();
  });

  it('end one by one, each at a revision of its own', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    open.push(store);
    const leases = await Promise.all([1, 2, 3].map(() => store.grantLease(1_000)));
    for (const [index, { id }] of leases.entries()) await put(store, `/k${index}`, '', id);
    const { revision } = await store.get('/k0');
    await clock.advance(1_000);
    const batches = await takeBatches(store, { prefix: '/', fromRevision: revision + 1 }, 3);
    expect(batches.map((batch) => [batch.revision - revision, batch.changes.length])).toEqual([[1, 1], [2, 1], [3, 1]]);
  });

  it('do not end by a jump of the wall clock', async () => {
    const clock = new FakeClock();
    let offset = 0;
    const jumping = { now: () => clock.now() + offset, monotonic: () => clock.monotonic(), sleep: clock.sleep.bind(clock), schedule: clock.schedule.bind(clock) };
    const store = createMemoryStore({ clock: jumping });
    open.push(store);
    const { id } = await store.grantLease(1_000);
    await put(store, '/k', '', id);
    offset = 86_400_000;
    await clock.advance(500);
    expect((await store.get('/k')).item).not.toBeNull();
  });

  it('leave no timer behind when the store is closed', async () => {
    const clock = new FakeClock();
    const store = createMemoryStore({ clock });
    await store.grantLease(1_000);
    expect(clock.pending).toBe(1);
    await store[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
});

describe('history', () => {
  it('is forgotten by number of revisions', async () => {
    const store = createMemoryStore({ keepRevisions: 50 });
    open.push(store);
    for (let round = 0; round < 200; round += 1) await put(store, '/k', String(round));
    expect(isFleetError(await failureOf(takeBatches(store, { prefix: '/', fromRevision: 100 }, 1)), 'STORE_COMPACTED')).toBe(true);
    const { revision } = await store.get('/k');
    expect(await takeBatches(store, { prefix: '/', fromRevision: revision - 40 }, 41)).toHaveLength(41);
  });

  it('is forgotten by number of values', async () => {
    const store = createMemoryStore({ keepVersions: 100 });
    open.push(store);
    const operations = Array.from({ length: 100 }, (_, index) => ({ kind: 'put' as const, key: `/${index}`, value: '' }));
    for (let round = 0; round < 10; round += 1) await store.transaction({ compare: [], operations });
    expect(isFleetError(await failureOf(takeBatches(store, { prefix: '/', fromRevision: 4 }, 1)), 'STORE_COMPACTED')).toBe(true);
    expect((await store.range({ prefix: '/' })).items).toHaveLength(100);
  });
});

it('after closing, every call says so', async () => {
  const store = createMemoryStore();
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  const calls = [store.get('/k'), store.range({ prefix: '/' }), put(store, '/k', ''), store.grantLease(1_000), store.keepAlive('1'), store.revokeLease('1')];
  for (const call of calls) expect(isFleetError(await failureOf(call), 'STORE_UNAVAILABLE')).toBe(true);
});
