import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, silentLogger, type Logger } from '@fleet/runtime';
import { FakeClock, waitUntil } from '@fleet/runtime/testing';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createMemoryStore, type EmbeddedStore } from '../embedded/index.ts';
import { createRegistry } from '../registry.ts';
import type { Mirror, MirrorBatch, MirrorScope, Registry } from '../registry-types.ts';
import { storeUnavailable } from '../store-errors.ts';
import type { Store, WatchChange } from '../store.ts';

const m1 = 'm1' as MachineId;
const hash = 'a'.repeat(40) as UnitHash;
const create = (name: string, global = false) => ({ kind: 'create' as const, name: name as UnitName, text: 'text', hash, global, targetState: 'launched' as const });

/** A store whose reads and watches fail while it is cut off. */
function breakable(inner: Store): Store & { cut(): void; heal(): void; swallow(wanted: (change: WatchChange) => boolean): void } {
  let down = new AbortController();
  let swallowed = (_change: WatchChange): boolean => false;
  const check = (): void => {
    if (down.signal.aborted) throw storeUnavailable('cut off');
  };
  return {
    cut: () => down.abort(storeUnavailable('cut off')),
    heal: () => {
      down = new AbortController();
    },
    /** Watches tell nothing of these changes, until told otherwise. */
    swallow: (wanted) => {
      swallowed = wanted;
    },
    get: async (key, options) => (check(), inner.get(key, options)),
    range: async (request, options) => (check(), inner.range(request, options)),
    transaction: (transaction, options) => inner.transaction(transaction, options),
    async *watch(request, options) {
      check();
      for await (const { revision, changes } of inner.watch(request, { signal: AbortSignal.any([options.signal, down.signal]) })) {
        const left = changes.filter((change) => !swallowed(change));
        if (left.length > 0 || changes.length === 0) yield { revision, changes: left };
      }
    },
    grantLease: (ttlMs, options) => inner.grantLease(ttlMs, options),
    keepAlive: (lease, options) => inner.keepAlive(lease, options),
    readLease: (lease, options) => inner.readLease(lease, options),
    revokeLease: (lease, options) => inner.revokeLease(lease, options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

let clock: FakeClock;
let inner: EmbeddedStore;
let store: ReturnType<typeof breakable>;
let registry: Registry;
let controller: AbortController;
let log: string[];
let logger: Logger;
beforeEach(() => {
  clock = new FakeClock();
  inner = createMemoryStore({ clock });
  store = breakable(inner);
  log = [];
  logger = createLogger({ level: () => 'debug', format: 'text', write: (line) => log.push(line) });
  registry = createRegistry(store, { prefix: '/f/', clock, logger });
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort(new Error('test over'));
  await inner[Symbol.asyncDispose]();
});

const open = (scope: MirrorScope = { kind: 'cluster' }): Promise<Mirror> => registry.openMirror(scope, { signal: controller.signal });
const put = (key: string, value: string) => inner.transaction({ compare: [], operations: [{ kind: 'put', key: `/f/${key}`, value }] });
const summary = (batch: MirrorBatch): string[] => batch.changes.map(({ kind, id, before, after }) => `${before === undefined ? '+' : after === undefined ? '-' : '~'}${kind}/${id}`);
async function leadership(): Promise<number> {
  const { id } = await registry.grantLease(600_000);
  return (await registry.campaign(m1, 'session', id))?.fence ?? 0;
}

describe('a mirror of the cluster', () => {
  it('holds what was there, and follows each transaction as one batch', async () => {
    await registry.changeUnit(create('a.service'));
    const fence = await leadership();
    const mirror = await open();
    expect([...mirror.records('units').keys()]).toEqual(['a.service']);
    expect(mirror.records('leader').get('leader')?.fence).toBe(fence);
    const batches: MirrorBatch[] = [];
    mirror.subscribe((batch) => batches.push(batch));
    const { revision } = await registry.changeUnit(create('b.service'));
    await mirror.waitForRevision(revision, { signal: controller.signal });
    const unit = mirror.records('units').get('b.service');
    const placed = await registry.applyPlacements([{ kind: 'place', unit: 'b.service' as UnitName, machine: m1, hash, targetState: 'launched', generation: 1, expectUnit: unit?.revision ?? 0 }], fence);
    await mirror.waitForRevision(placed.revision, { signal: controller.signal });
    const gone = await registry.changeUnit({ kind: 'destroy', name: 'b.service' as UnitName });
    await mirror.waitForRevision(gone.revision, { signal: controller.signal });
    expect(batches.map(summary)).toEqual([['+units/b.service'], ['+place/b.service'], ['-units/b.service', '-place/b.service']]);
    expect(batches.map((batch) => batch.relisted)).toEqual([false, false, false]);
    expect(mirror.records('sched').size).toBe(0);
    expect(mirror.revision).toBe(gone.revision);
  });

  it('reaches a revision that changed nothing it holds', async () => {
    const mirror = await open();
    const { revision } = await put('files/x', 'text');
    await mirror.waitForRevision(revision, { signal: controller.signal });
    expect(mirror.revision).toBe(revision);
  });

  it('keeps the last good record when a damaged one comes, and reports it once', async () => {
    await registry.changeUnit(create('a.service'));
    const mirror = await open();
    const { revision } = await put('units/a.service', '{"hash":"nonsense"}');
    await mirror.waitForRevision(revision, { signal: controller.signal });
    expect(mirror.records('units').get('a.service')?.targetState).toBe('launched');
    store.cut();
    await waitUntil('the cut to show', () => !mirror.live);
    store.heal();
    await clock.advance(1_000);
    await waitUntil('the mirror to be live', () => mirror.live);
    expect(mirror.records('units').get('a.service')?.targetState).toBe('launched');
    expect(log.filter((line) => line.includes('record skipped'))).toHaveLength(1);
    expect(log.find((line) => line.includes('record skipped'))).toContain('/f/units/a.service');
  });

  it('skips damaged and foreign keys in a listing', async () => {
    await put('units/bad.service', 'x');
    await put('units/a/b', '{}');
    await put('something/else', 'x');
    await registry.changeUnit(create('a.service'));
    expect([...(await open()).records('units').keys()]).toEqual(['a.service']);
  });

  it('catches up with what it missed, and says what differed', async () => {
    await registry.changeUnits([create('keep.service'), create('change.service'), create('drop.service')], { atomic: true });
    const mirror = await open();
    const seen: string[] = [];
    mirror.onLiveness((live) => seen.push(live ? 'live' : 'lost'));
    mirror.subscribe((batch) => seen.push(`${batch.relisted ? 'relisted ' : ''}${summary(batch).join(' ')}`));
    store.cut();
    await waitUntil('the cut to show', () => !mirror.live);
    expect(mirror.records('units').size).toBe(3);
    const other = createRegistry(inner, { prefix: '/f/', clock, logger: silentLogger });
    await other.changeUnits([{ kind: 'target', name: 'change.service' as UnitName, targetState: 'inactive' }, { kind: 'destroy', name: 'drop.service' as UnitName }, create('new.service')], { atomic: true });
    store.heal();
    await clock.advance(1_000);
    await waitUntil('the mirror to be live', () => mirror.live);
    expect(seen).toEqual(['lost', 'relisted ~units/change.service +units/new.service -units/drop.service', 'live']);
  });

  it('retries with growing delays while the store is away, and warns once', async () => {
    const mirror = await open();
    store.cut();
    await waitUntil('the cut to show', () => !mirror.live);
    await clock.advance(60_000);
    const lost = log.filter((line) => line.includes('mirror lost the store'));
    expect(lost.filter((line) => !/debug/i.test(line))).toHaveLength(1);
    const delays = lost.length;
    expect(delays).toBeGreaterThan(8);
    expect(delays).toBeLessThan(40);
  });

  describe('finds by itself what a watch has lost', () => {
    const hourMs = 3_600_000;
    const keyOf = (change: WatchChange): string => (change.kind === 'put' ? change.item.key : change.key);

    it.each<{ name: string; lose: () => Promise<unknown>; expected: string[] }>([
      { name: 'a new record', lose: () => registry.changeUnit(create('b.service')), expected: ['+units/b.service'] },
      { name: 'a change', lose: () => registry.changeUnit({ kind: 'target', name: 'a.service' as UnitName, targetState: 'loaded' }), expected: ['~units/a.service'] },
      { name: 'an end', lose: () => registry.changeUnit({ kind: 'destroy', name: 'a.service' as UnitName }), expected: ['-units/a.service'] },
    ])('$name, though others came after it', async ({ lose, expected }) => {
      await registry.changeUnit(create('a.service'));
      const mirror = await open();
      const batches: string[] = [];
      mirror.subscribe((batch) => batches.push(`${batch.relisted ? 'relisted ' : ''}${summary(batch).join(' ')}`));
      store.swallow((change) => keyOf(change).includes('/units/'));
      await lose();
      store.swallow(() => false);
      const { revision } = await registry.changeUnit(create('later.service'));
      await mirror.waitForRevision(revision, { signal: controller.signal });
      expect(batches).toEqual(['+units/later.service']);
      for (let minute = 0; minute < 20; minute += 1) await clock.advance(60_000);
      await waitUntil('the difference to be found', () => batches.length > 1);
      expect(batches).toEqual(['+units/later.service', `relisted ${expected.join(' ')}`]);
      expect(log.filter((line) => line.includes('mirror has missed changes'))).toHaveLength(1);
      expect(log.some((line) => line.includes('/f/units/') || line.includes('units/a.service'))).toBe(true);
      expect(mirror.live).toBe(true);
    });

    it('and lists nothing again when nothing was lost, damaged records and changes meanwhile included', async () => {
      await registry.changeUnit(create('a.service'));
      await put('units/bad.service', 'x');
      const mirror = await open();
      let batches = 0;
      mirror.subscribe(({ relisted }) => (batches += relisted ? 1 : 0));
      for (let minute = 0; minute < 60; minute += 1) {
        await registry.changeUnit({ kind: 'target', name: 'a.service' as UnitName, targetState: minute % 2 === 0 ? 'loaded' : 'launched' });
        await clock.advance(hourMs / 60);
      }
      expect(batches).toBe(0);
      expect(log.filter((line) => line.includes('missed'))).toEqual([]);
    });
  });

  it('opens only when it is complete, however long that takes', async () => {
    await registry.changeUnit(create('a.service'));
    store.cut();
    const opening = open();
    await clock.advance(30_000);
    store.heal();
    await clock.advance(10_000);
    expect((await opening).records('units').size).toBe(1);
  });

  it('lists again when its place in the history is gone', async () => {
    await registry.changeUnit(create('a.service'));
    const mirror = await open();
    store.cut();
    await waitUntil('the cut to show', () => !mirror.live);
    for (let index = 0; index < 5; index += 1) await put(`units/u${index}.service`, JSON.stringify({ hash, targetState: 'launched', generation: 1, global: false }));
    await inner.compact((await inner.get('/f/x')).revision - 1);
    store.heal();
    await clock.advance(1_000);
    await waitUntil('the mirror to be live', () => mirror.live);
    expect(mirror.records('units').size).toBe(6);
  });

  it('a failing listener harms neither the copy nor other listeners', async () => {
    const mirror = await open();
    let batches = 0;
    mirror.subscribe(() => {
      throw new Error('listener broke');
    });
    const end = mirror.subscribe(() => (batches += 1));
    const { revision } = await registry.changeUnit(create('a.service'));
    await mirror.waitForRevision(revision, { signal: controller.signal });
    expect(batches).toBe(1);
    end();
    await mirror.waitForRevision((await registry.changeUnit(create('b.service'))).revision, { signal: controller.signal });
    expect(batches).toBe(1);
    expect(log.some((line) => line.includes('listener broke'))).toBe(true);
  });

  it('ends with its signal: waiters are told, opening fails', async () => {
    const mirror = await open();
    const reason = new Error('stop');
    const waiting = mirror.waitForRevision(1_000_000, { signal: new AbortController().signal });
    const outcome = expect(waiting).rejects.toBe(reason);
    controller.abort(reason);
    await outcome;
    await expect(open()).rejects.toBe(reason);
    await waitUntil('the mirror to end', () => !mirror.live);
  });

  it('tells a waiting reader that the store is behind what it waits for, as after a restore', async () => {
    const mirror = await open();
    const outcome = expect(mirror.waitForRevision(1_000_000, { signal: controller.signal })).rejects.toMatchObject({ code: 'REVISION_NOT_REACHED', kind: 'unavailable', message: expect.stringContaining(`the store is at ${mirror.revision}`) as unknown });
    await clock.advance(300);
    await outcome;
    expect(mirror.live).toBe(true);
  });

  it('does not judge by a listing that began before the reader waited', async () => {
    const mirror = await open();
    const range: Store['range'] = (request, options) => inner.range(request, options);
    let answer = (): void => undefined;
    store.range = async (...args) => {
      const result = await range(...args);
      await new Promise<void>((resolve) => (answer = resolve));
      return result;
    };
    const first = expect(mirror.waitForRevision(1_000_000, { signal: controller.signal })).rejects.toMatchObject({ code: 'REVISION_NOT_REACHED' });
    await clock.advance(300);
    // The listing has read the store and not yet answered.
    const { revision } = await put('files/x', 'text');
    const second = mirror.waitForRevision(revision, { signal: controller.signal });
    store.range = range;
    answer();
    await first;
    await clock.advance(10_000);
    await second;
    expect(mirror.revision).toBeGreaterThanOrEqual(revision);
  });

  it('a waiting reader ends with its own signal', async () => {
    const mirror = await open();
    const reader = new AbortController();
    const outcome = expect(mirror.waitForRevision(1_000_000, { signal: reader.signal })).rejects.toThrow('gave up');
    reader.abort(new Error('gave up'));
    await outcome;
    expect(mirror.live).toBe(true);
  });
});

describe('a mirror of one machine', () => {
  it('holds only what concerns the machine', async () => {
    const fence = await leadership();
    await registry.changeUnits([create('a.service'), create('g.service', true)], { atomic: false });
    await registry.changeMetadata([{ machine: 'm1', key: 'k', value: 'v' }, { machine: 'm10', key: 'k', value: 'v' }]);
    const mirror = await open({ kind: 'machine', machine: m1 });
    const batches: string[][] = [];
    mirror.subscribe((batch) => batches.push(summary(batch)));
    const unit = await registry.readUnit('a.service');
    await registry.applyPlacements([{ kind: 'place', unit: 'a.service' as UnitName, machine: m1, hash, targetState: 'launched', generation: 1, expectUnit: unit?.unit.revision ?? 0 }], fence);
    await waitUntil('the schedule', () => mirror.records('sched').has('m1/a.service'));
    expect({ globals: [...mirror.records('globals').keys()], metadata: [...mirror.records('metadata').keys()], units: mirror.records('units').size, place: mirror.records('place').size }).toEqual({ globals: ['g.service'], metadata: ['m1'], units: 0, place: 0 });
    expect(batches).toEqual([['+sched/m1/a.service']]);
  });

  it('reaches a revision in which nothing concerned it, by listing again', async () => {
    const mirror = await open({ kind: 'machine', machine: m1 });
    const { revision } = await registry.changeUnit(create('elsewhere.service'));
    const reached = mirror.waitForRevision(revision, { signal: controller.signal });
    await clock.advance(300);
    await reached;
    expect(mirror.revision).toBeGreaterThanOrEqual(revision);
    expect(mirror.live).toBe(true);
  });
});

it('a mirror of the leader follows leadership', async () => {
  const mirror = await open({ kind: 'leader' });
  const changes: string[][] = [];
  mirror.subscribe((batch) => changes.push(summary(batch)));
  const fence = await leadership();
  await registry.resign(fence);
  await waitUntil('both changes', () => changes.length === 2);
  expect(changes).toEqual([['+leader/leader'], ['-leader/leader']]);
});
