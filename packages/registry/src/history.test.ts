import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@fleet/runtime';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createEmbeddedStore, createMemoryStore } from './embedded/index.ts';
import { createEtcdStore } from './etcd/index.ts';
import { GONE_UNITS, HISTORY_ENTRIES } from './history.ts';
import { createRegistry } from './registry.ts';
import type { Registry, UnitChange } from './registry-types.ts';
import type { Store } from './store.ts';
import { describeOnEtcd } from './testing/describe-on-etcd.ts';

const name = 'web.service' as UnitName;
const m1 = 'm1' as MachineId;
const m2 = 'm2' as MachineId;
const hash = 'a'.repeat(40) as UnitHash;
const DAY_MS = 86_400_000;
const create = (unit: UnitName = name): UnitChange => ({ kind: 'create', name: unit, text: 'text', hash, global: false, targetState: 'launched' });

const replacing = (expectRevision: number, over: Partial<Extract<UnitChange, { kind: 'replace' }>>): UnitChange => ({ kind: 'replace', name, text: 'other', hash: 'b'.repeat(40) as UnitHash, global: false, targetState: 'launched', expect: expectRevision, ...over });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleet-history-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

let round = 0;
describeHistory('in memory', () => createMemoryStore());
describeHistory('in a file', () => createEmbeddedStore({ path: join(directory, `${round}.db`) }));
describeOnEtcd('etcd', (etcd) => describeHistory('in a real etcd', () => createEtcdStore({ endpoints: etcd().endpoints })));

function describeHistory(kind: string, open: () => Store): void {
  describe(`history of units ${kind}`, () => {
    /** What people's clocks show. */
    let wall: number;
    let store: Store;
    let registry: Registry;
    let fence: number;
    beforeEach(async () => {
      round += 1;
      wall = 1_700_000_000_000;
      store = open();
      registry = createRegistry(store, { prefix: `/h${round}`, clock: { ...systemClock, now: () => wall }, logger: silentLogger });
      fence = (await registry.campaign(m1, 'session', (await registry.grantLease(60_000)).id))?.fence ?? 0;
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
    });

    async function place(machine: MachineId, reason?: string, unit: UnitName = name): Promise<void> {
      const record = (await registry.readUnit(unit))?.unit;
      const { rejected } = await registry.applyPlacements(
        [{ kind: 'place', unit, machine, hash, targetState: 'launched', generation: record?.generation ?? 0, expectUnit: record?.revision ?? 0, ...(reason === undefined ? {} : { reason }) }],
        fence,
      );
      expect(rejected).toEqual([]);
    }
    async function unplace(machine: MachineId, reason: string, unit: UnitName = name): Promise<void> {
      const placement = (await registry.readUnit(unit))?.placement;
      expect((await registry.applyPlacements([{ kind: 'unplace', unit, machine, expectPlacement: placement?.revision ?? 0, reason }], fence)).rejected).toEqual([]);
    }
    const told = async (unit: UnitName = name, limit = 100): Promise<string[]> =>
      (await registry.readHistory(unit, { limit })).map((entry) => [entry.kind, entry.machine].join(' ').trim() + (entry.reason === undefined ? '' : `: ${entry.reason}`));

    it('tells of each placement and its end, with why, newest last, whatever the clocks say', async () => {
      await registry.changeUnit(create());
      await place(m1, 'first');
      await unplace(m1, 'machine is full');
      await place(m2);
      wall -= DAY_MS;
      await unplace(m2, 'moved back');
      expect(await told()).toEqual(['created: desired state launched', 'placed m1: first', 'unplaced m1: machine is full', 'placed m2', 'unplaced m2: moved back']);
      expect(await told(name, 2)).toEqual(['placed m2', 'unplaced m2: moved back']);
      const entries = await registry.readHistory(name, { limit: 100 });
      expect(entries.map(({ at }) => at)).toEqual([DAY_MS, DAY_MS, DAY_MS, DAY_MS, 0].map((offset) => wall + offset));
      expect(entries.map(({ revision }) => revision)).toEqual(entries.map(({ revision }) => revision).toSorted((a, b) => a - b));
      expect(await told('other.service' as UnitName)).toEqual([]);
    });

    it.each<{ title: string; placed: boolean; change: (revision: number) => UnitChange; expected: readonly string[] }>([
      { title: 'a stop of a placed unit', placed: true, change: () => ({ kind: 'target', name, targetState: 'inactive' }), expected: ['unplaced m1: desired state inactive'] },
      { title: 'a stop of one that is not', placed: false, change: () => ({ kind: 'target', name, targetState: 'inactive' }), expected: ['desired-state: launched to inactive'] },
      { title: 'another desired state', placed: true, change: () => ({ kind: 'target', name, targetState: 'loaded' }), expected: ['desired-state: launched to loaded'] },
      { title: 'the same desired state', placed: true, change: () => ({ kind: 'target', name, targetState: 'launched' }), expected: [] },
      { title: 'a new text', placed: true, change: (revision) => replacing(revision, { targetState: 'launched' }), expected: ['replaced: unit file bbbbbbb, desired state launched'] },
      {
        title: 'a new text that makes it global',
        placed: true,
        change: (revision) => replacing(revision, { global: true }),
        expected: ['replaced: unit file bbbbbbb, desired state launched', 'unplaced m1: the unit became global'],
      },
      { title: 'destroying a placed unit', placed: true, change: () => ({ kind: 'destroy', name }), expected: ['unplaced m1: the unit was destroyed'] },
      { title: 'destroying one that is not', placed: false, change: () => ({ kind: 'destroy', name }), expected: ['destroyed'] },
    ])('tells what users did: $title', async ({ placed, change, expected }) => {
      const created = await registry.changeUnit(create());
      if (placed) await place(m1);
      const before = (await told()).length;
      const { revision } = await registry.changeUnit(change(created.revision));
      const entries = await registry.readHistory(name, { limit: 100 });
      expect((await told()).slice(before).toSorted()).toEqual(expected);
      expect(entries.slice(before).every((entry) => entry.revision === revision)).toBe(true);
    });

    it('tells nothing of what was refused', async () => {
      await registry.changeUnit(create());
      await place(m1);
      await registry.applyPlacements([{ kind: 'place', unit: name, machine: m2, hash, targetState: 'launched', generation: 1, expectUnit: 1 }], fence);
      await expect(registry.changeUnit(create())).rejects.toMatchObject({ code: 'UNIT_EXISTS' });
      await expect(registry.changeUnit(replacing(1, {}))).rejects.toMatchObject({ code: 'UNIT_CHANGED' });
      expect(await told()).toEqual(['created: desired state launched', 'placed m1']);
    });

    it('is written in the transaction of the change, as many of which share one as fit', async () => {
      const units = Array.from({ length: 70 }, (_, index) => `u${index}.service` as UnitName);
      await registry.changeUnits(units.map(create), { atomic: false });
      const records = await Promise.all(units.map(async (unit) => (await registry.readUnit(unit))?.unit));
      const before = (await store.get('/x')).revision;
      const { revision } = await registry.applyPlacements(
        units.map((unit, index) => ({ kind: 'place', unit, machine: m1, hash, targetState: 'launched', generation: 1, expectUnit: records[index]?.revision ?? 0 })),
        fence,
      );
      expect(revision - before).toBe(3);
      for (const unit of units) expect((await registry.readHistory(unit, { limit: 1 })).map((entry) => entry.revision)).toEqual([(await registry.readUnit(unit))?.placement?.revision]);
      // What the API promises to do all at once: 32 units, each at its worst.
      const ended = await registry.changeUnits(units.slice(0, 32).map((unit) => ({ kind: 'target', name: unit, targetState: 'inactive' })), { atomic: true });
      expect(new Set(ended.map((result) => result.ok && result.revision)).size).toBe(1);
    });

    it('is shortened to the newest entries of each unit, and dropped a day after the unit', async () => {
      const gone = 'gone.service' as UnitName;
      const again = 'again.service' as UnitName;
      for (const unit of [name, gone, again]) await registry.changeUnit(create(unit));
      for (const unit of [gone, again]) await place(m1, undefined, unit);
      for (const unit of [gone, again]) await registry.changeUnit({ kind: 'destroy', name: unit });
      for (let count = 0; count < 15; count += 1) {
        await place(m1, String(count));
        await unplace(m1, String(count));
      }
      expect(await registry.trimHistory(fence)).toBe(31 - HISTORY_ENTRIES);
      expect((await told()).at(0)).toBe('placed m1: 5');
      expect((await told()).at(-1)).toBe('unplaced m1: 14');
      expect(await told(gone)).toEqual(['created: desired state launched', 'placed m1', 'unplaced m1: the unit was destroyed']);
      wall += DAY_MS - 1_000;
      expect(await registry.trimHistory(fence)).toBe(0);
      await registry.changeUnit(create(again));
      wall += 2_000;
      expect(await registry.trimHistory(fence)).toBe(3);
      expect([await told(gone), (await told(again)).length, (await told()).length]).toEqual([[], 4, HISTORY_ENTRIES]);
    });

    it('is kept of so many units that are gone, and not more', async () => {
      const units = Array.from({ length: GONE_UNITS + 5 }, (_, index) => `u${String(index).padStart(4, '0')}.service` as UnitName);
      await registry.changeUnits(units.map(create), { atomic: false });
      for (const unit of units.slice(0, 7)) await registry.changeUnit({ kind: 'destroy', name: unit });
      wall += 1;
      await registry.changeUnits(units.slice(7).map((unit) => ({ kind: 'destroy', name: unit })), { atomic: false });
      expect(await registry.trimHistory(fence)).toBe(10);
      expect([(await told(units[7])).length, (await told(units.at(-1))).length]).toEqual([2, 2]);
      expect((await Promise.all(units.slice(0, 7).map((unit) => told(unit)))).filter((entries) => entries.length > 0)).toHaveLength(2);
    });

    it('is shortened by nobody but the leader', async () => {
      await registry.changeUnit(create());
      for (let count = 0; count < 11; count += 1) {
        await place(m1);
        await unplace(m1, '');
      }
      await expect(registry.trimHistory(fence + 1)).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' });
      expect(await told()).toHaveLength(23);
    });

    it('leaves out an entry that cannot be read', async () => {
      await registry.changeUnit(create());
      await place(m1);
      await store.transaction({ compare: [], operations: [{ kind: 'put', key: `/h${round}/history/${name}/x`, value: 'garbage' }] });
      expect(await told()).toEqual(['created: desired state launched', 'placed m1']);
    });

    it('is held by no mirror', async () => {
      const ending = new AbortController();
      await registry.changeUnit(create());
      const cluster = await registry.openMirror({ kind: 'cluster' }, { signal: ending.signal });
      const seen: string[] = [];
      cluster.subscribe((batch) => seen.push(...batch.changes.map(({ kind: changed }) => changed)));
      await place(m1);
      const { revision } = await registry.changeUnit({ kind: 'destroy', name });
      await cluster.waitForRevision(revision, { signal: AbortSignal.timeout(5_000) });
      expect(seen).toEqual(['place', 'units', 'place']);
      expect((await told()).length).toBe(3);
      ending.abort(new Error('enough'));
    });
  });
}
