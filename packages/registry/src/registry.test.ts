import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { withMetrics } from './decorators.ts';
import { createMemoryStore, type EmbeddedStore } from './embedded/index.ts';
import { createRegistry } from './registry.ts';
import type { Registry, UnitChange } from './registry-types.ts';

const name = 'web.service' as UnitName;
const m1 = 'm1' as MachineId;
const m2 = 'm2' as MachineId;
const hashOf = (digit: string): UnitHash => digit.repeat(40) as UnitHash;
const create = (over: Partial<Extract<UnitChange, { kind: 'create' }>> = {}): UnitChange => ({ kind: 'create', name, text: 'text a', hash: hashOf('a'), global: false, targetState: 'launched', ...over });

let clock: FakeClock;
let store: EmbeddedStore;
let registry: Registry;
let lease: string;
let fence: number;
beforeEach(async () => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  registry = createRegistry(store, { prefix: '/f', clock, logger: silentLogger });
  lease = (await registry.grantLease(60_000)).id;
  fence = (await registry.campaign(m1, 'session-1', lease))?.fence ?? 0;
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

/** All keys and values but the leader's and the history, without the prefix; JSON values parsed. */
async function contents(): Promise<Record<string, unknown>> {
  const { items } = await store.range({ prefix: '/f/' });
  return Object.fromEntries(items.filter(({ key }) => !key.endsWith('engine/leader') && !key.startsWith('/f/history/')).map((item) => [item.key.slice(3), item.value.startsWith('{') ? (JSON.parse(item.value) as unknown) : item.value]));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no failure';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function place(unit: UnitName, machine: MachineId): Promise<void> {
  const record = (await registry.readUnit(unit))?.unit;
  if (record === undefined || record.targetState === 'inactive') throw new Error('cannot place');
  const { rejected } = await registry.applyPlacements([{ kind: 'place', unit, machine, hash: record.hash, targetState: record.targetState, generation: record.generation, expectUnit: record.revision }], fence);
  expect(rejected).toEqual([]);
}

describe('changes of a unit', () => {
  it('create writes unit and text in one revision', async () => {
    const { revision, generation } = await registry.changeUnit(create());
    expect(generation).toBe(1);
    expect(await contents()).toEqual({ 'files/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa': 'text a', 'units/web.service': { hash: hashOf('a'), targetState: 'launched', generation: 1, global: false } });
    expect((await store.range({ prefix: '/f/' })).items.filter((item) => item.modRevision === revision && !item.key.includes('/history/'))).toHaveLength(2);
    expect(await registry.readText(hashOf('a'))).toBe('text a');
  });

  it('create of a global unit writes it under globals too', async () => {
    await registry.changeUnit(create({ global: true }));
    const value = { hash: hashOf('a'), targetState: 'launched', generation: 1, global: true };
    expect(await contents()).toMatchObject({ 'units/web.service': value, 'globals/web.service': value });
  });

  it.each<{ name: string; before: UnitChange[]; change: UnitChange; code: string }>([
    { name: 'create of one that exists', before: [create()], change: create(), code: 'UNIT_EXISTS' },
    { name: 'target of one that does not', before: [], change: { kind: 'target', name, targetState: 'loaded' }, code: 'UNIT_NOT_FOUND' },
    { name: 'destroy of one that does not', before: [], change: { kind: 'destroy', name }, code: 'UNIT_NOT_FOUND' },
    { name: 'replace of one that does not', before: [], change: { ...create(), kind: 'replace', expect: 1 } as UnitChange, code: 'UNIT_NOT_FOUND' },
    { name: 'replace of one that moved on', before: [create()], change: { ...create(), kind: 'replace', expect: 1 } as UnitChange, code: 'UNIT_CHANGED' },
  ])('$name fails with $code and writes nothing', async ({ before, change, code }) => {
    for (const one of before) await registry.changeUnit(one);
    const contentsBefore = await contents();
    expect(await codeOf(registry.changeUnit(change))).toBe(code);
    expect(await contents()).toEqual(contentsBefore);
  });

  it('start and stop of a placed unit write its schedule in the same transaction', async () => {
    await registry.changeUnit(create());
    await place(name, m2);
    expect(await contents()).toMatchObject({ 'place/web.service': { machine: 'm2', generation: 1 }, 'sched/m2/web.service': { hash: hashOf('a'), targetState: 'launched', generation: 1 } });
    const { revision } = await registry.changeUnit({ kind: 'target', name, targetState: 'loaded' });
    expect(await contents()).toMatchObject({ 'units/web.service': { targetState: 'loaded', generation: 2 }, 'sched/m2/web.service': { targetState: 'loaded', generation: 2 } });
    expect((await store.get('/f/sched/m2/web.service')).item?.modRevision).toBe(revision);
  });

  it('a target on what its caller knows reads nothing first, and is right when that was old', async () => {
    await registry.changeUnit(create());
    await place(name, m2);
    const known = await registry.readUnit(name);
    if (known === null) throw new Error('no unit');
    const calls: string[] = [];
    const counting = createRegistry(withMetrics(store, { observe: (operation) => calls.push(operation) }, clock), { prefix: '/f', clock, logger: silentLogger });
    await counting.changeUnit({ kind: 'target', name, targetState: 'loaded', known });
    expect(calls).toEqual(['set']);
    expect(await contents()).toMatchObject({ 'units/web.service': { targetState: 'loaded', generation: 2 }, 'sched/m2/web.service': { targetState: 'loaded', generation: 2 } });

    // The same copy again: it is old now, and says that there is something to do where there is nothing.
    expect((await counting.changeUnit({ kind: 'target', name, targetState: 'loaded', known })).generation).toBe(2);
    // It says that nothing is to be done where something is.
    expect((await counting.changeUnit({ kind: 'target', name, targetState: 'launched', known })).generation).toBe(3);
    await registry.changeUnit({ kind: 'destroy', name });
    expect(await codeOf(counting.changeUnit({ kind: 'target', name, targetState: 'inactive', known }))).toBe('UNIT_NOT_FOUND');
    expect(await counting.changeUnits([{ kind: 'target', name, targetState: 'inactive', known }], { atomic: false })).toMatchObject([{ ok: false, error: { code: 'UNIT_NOT_FOUND' } }]);
  });

  it('a replacement on what its caller knows reads nothing first, and is refused when that was old', async () => {
    const { revision } = await registry.changeUnit(create());
    await place(name, m2);
    const known = await registry.readUnit(name);
    if (known === null) throw new Error('no unit');
    const calls: string[] = [];
    const counting = createRegistry(withMetrics(store, { observe: (operation) => calls.push(operation) }, clock), { prefix: '/f', clock, logger: silentLogger });
    const replace = { ...create({ text: 'text b', hash: hashOf('b') }), kind: 'replace', expect: revision, known } as UnitChange;
    expect((await counting.changeUnit(replace)).generation).toBe(2);
    expect(calls).toEqual(['set']);
    expect(await contents()).toMatchObject({ [`files/${hashOf('b')}`]: 'text b', 'units/web.service': { hash: hashOf('b'), generation: 2 }, 'sched/m2/web.service': { hash: hashOf('b'), generation: 2 } });
    expect(await codeOf(counting.changeUnit(replace))).toBe('UNIT_CHANGED');

    // The unit is as known and its placement is not: that is no reason to refuse.
    const fresh = await registry.readUnit(name);
    await registry.applyPlacements([{ kind: 'unplace', unit: name, machine: m2, expectPlacement: fresh?.placement?.revision ?? 0 }], fence);
    await counting.changeUnit({ ...create({ text: 'text c', hash: hashOf('c') }), kind: 'replace', expect: fresh?.unit.revision ?? 0, known: fresh } as UnitChange);
    expect(Object.keys(await contents()).filter((key) => /^(place|sched)/.test(key))).toEqual([]);
  });

  it('records that are not what is stored any more are found among many', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `u${index}.service` as UnitName);
    await registry.changeUnits(names.map((unit) => create({ name: unit })), { atomic: false });
    const known = await Promise.all(names.map(async (unit) => (await registry.readUnit(unit))?.unit ?? { name: unit, revision: 0 }));
    expect(await registry.findStaleUnits([])).toEqual([]);
    expect(await registry.findStaleUnits(known)).toEqual([]);
    await registry.changeUnit({ kind: 'target', name: 'u7.service' as UnitName, targetState: 'loaded' });
    await registry.changeUnit({ kind: 'destroy', name: 'u299.service' as UnitName });
    await registry.changeUnit({ kind: 'destroy', name: 'u130.service' as UnitName });
    await registry.changeUnit(create({ name: 'u130.service' as UnitName }));
    expect(await registry.findStaleUnits(known)).toEqual(['u7.service', 'u130.service', 'u299.service']);
  });

  it('a placement keeps its reason', async () => {
    await registry.changeUnit(create());
    const unit = (await registry.readUnit(name))?.unit;
    await registry.applyPlacements([{ kind: 'place', unit: name, machine: m2, hash: hashOf('a'), targetState: 'launched', generation: 1, expectUnit: unit?.revision ?? 0, reason: 'it was on m1' }], fence);
    expect((await registry.readUnit(name))?.placement).toMatchObject({ machine: 'm2', reason: 'it was on m1' });
  });

  it('the same target again writes nothing and tells since when it is so', async () => {
    const { revision } = await registry.changeUnit(create());
    await registry.changeUnit(create({ name: 'other.service' as UnitName }));
    expect(await registry.changeUnit({ kind: 'target', name, targetState: 'launched' })).toEqual({ revision, generation: 1 });
  });

  it.each<{ name: string; change: (revision: number) => UnitChange }>([
    { name: 'inactive', change: () => ({ kind: 'target', name, targetState: 'inactive' }) },
    { name: 'replace to inactive', change: (expectRevision) => ({ ...create({ targetState: 'inactive' }), kind: 'replace', expect: expectRevision }) as UnitChange },
    { name: 'replace by a global unit', change: (expectRevision) => ({ ...create({ global: true }), kind: 'replace', expect: expectRevision }) as UnitChange },
    { name: 'destroy', change: () => ({ kind: 'destroy', name }) },
  ])('$name drops placement and schedule, or the pending reason', async ({ change }) => {
    const left = async (): Promise<string[]> => Object.keys(await contents()).filter((key) => /^(place|sched|pending)/.test(key));
    const placed = await registry.changeUnit(create());
    await place(name, m2);
    await registry.changeUnit(change(placed.revision));
    expect(await left()).toEqual([]);
    if ((await registry.readUnit(name)) !== null) await registry.changeUnit({ kind: 'destroy', name });
    const pending = await registry.changeUnit(create());
    await registry.applyPlacements([{ kind: 'pending', unit: name, pending: { machines: 0, rejections: [], summary: 'no machines' } }], fence);
    expect(await left()).toEqual(['pending/web.service']);
    await registry.changeUnit(change(pending.revision));
    expect(await left()).toEqual([]);
  });

  it('replace keeps the placement and updates the schedule', async () => {
    const { revision } = await registry.changeUnit(create());
    await place(name, m2);
    await registry.changeUnit({ ...create({ text: 'text b', hash: hashOf('b') }), kind: 'replace', expect: revision } as UnitChange);
    expect(await contents()).toMatchObject({ 'files/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb': 'text b', 'place/web.service': { machine: 'm2' }, 'sched/m2/web.service': { hash: hashOf('b'), generation: 2 } });
  });

  it('replace of a global unit by one that is not leaves no global key', async () => {
    const { revision } = await registry.changeUnit(create({ global: true }));
    await registry.changeUnit({ ...create(), kind: 'replace', expect: revision } as UnitChange);
    expect(Object.keys(await contents())).toEqual([`files/${hashOf('a')}`, 'units/web.service']);
  });

  it('destroys a unit whose record is damaged', async () => {
    await store.transaction({ compare: [], operations: [{ kind: 'put', key: '/f/units/web.service', value: 'garbage' }] });
    expect(await codeOf(registry.readUnit(name))).toBe('RECORD_INVALID');
    await registry.changeUnit({ kind: 'destroy', name });
    expect(await contents()).toEqual({});
  });

  it('many racing changes each count once, and unit and schedule agree in the end', async () => {
    await registry.changeUnit(create());
    await place(name, m2);
    const results = await Promise.allSettled(Array.from({ length: 6 }, (_, index) => registry.changeUnit({ kind: 'target', name, targetState: index % 2 === 0 ? 'loaded' : 'launched' })));
    expect(results.filter((result) => result.status === 'rejected')).toEqual([]);
    const { unit } = (await registry.readUnit(name)) ?? {};
    expect((await contents())['sched/m2/web.service']).toEqual({ hash: unit?.hash, targetState: unit?.targetState, generation: unit?.generation });
  });

  it('of racing creates one wins and the others are told', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, (_, index) => codeOf(registry.changeUnit(create({ text: `text ${index}` })))));
    expect(results.toSorted()).toEqual([...Array<string>(7).fill('UNIT_EXISTS'), 'no failure']);
  });

  it('a placement made between read and write is not lost', async () => {
    await registry.changeUnit(create());
    const stop = registry.changeUnit({ kind: 'target', name, targetState: 'loaded' });
    const outcome = registry.applyPlacements([{ kind: 'place', unit: name, machine: m2, hash: hashOf('a'), targetState: 'launched', generation: 1, expectUnit: (await registry.readUnit(name))?.unit.revision ?? 0 }], fence);
    const [, { rejected }] = await Promise.all([stop, outcome]);
    const after = await contents();
    expect((after['units/web.service'] as { targetState: string }).targetState).toBe('loaded');
    if (rejected.length === 0) expect(after['sched/m2/web.service']).toMatchObject({ targetState: 'loaded', generation: 2 });
    else expect(after['sched/m2/web.service']).toBeUndefined();
  });
});

describe('many changes at once', () => {
  const many = (count: number, over: (index: number) => Partial<Extract<UnitChange, { kind: 'create' }>> = () => ({})): UnitChange[] => Array.from({ length: count }, (_, index) => create({ name: `u${index}.service` as UnitName, ...over(index) }));

  it('share transactions and each have a result', async () => {
    const before = (await store.get('/f/x')).revision;
    const results = await registry.changeUnits(many(200), { atomic: false });
    expect(results.every((result) => result.ok && result.generation === 1)).toBe(true);
    expect((await store.range({ prefix: '/f/units/' })).items).toHaveLength(200);
    expect((await store.get('/f/x')).revision - before).toBeLessThanOrEqual(10);
  });

  it('fail one by one', async () => {
    await registry.changeUnit(create({ name: 'u3.service' as UnitName }));
    const results = await registry.changeUnits([...many(6), { kind: 'destroy', name: 'nope.service' as UnitName }], { atomic: false });
    expect(results.map((result) => (result.ok ? 'ok' : (result.error as unknown as { code: string }).code))).toEqual(['ok', 'ok', 'ok', 'UNIT_EXISTS', 'ok', 'ok', 'UNIT_NOT_FOUND']);
  });

  it('of the same unit keep their order', async () => {
    const results = await registry.changeUnits([create(), { kind: 'target', name, targetState: 'loaded' }, { kind: 'destroy', name }, create({ targetState: 'inactive' })], { atomic: false });
    expect(results.map((result) => result.ok && result.generation)).toEqual([1, 2, 0, 1]);
    expect((await registry.readUnit(name))?.unit.targetState).toBe('inactive');
  });

  it('survive a change from elsewhere in the middle', async () => {
    await registry.changeUnits(many(40), { atomic: false });
    const changes = many(40).map(({ name: unit }): UnitChange => ({ kind: 'target', name: unit, targetState: 'loaded' }));
    const [results] = await Promise.all([registry.changeUnits(changes, { atomic: false }), registry.changeUnit({ kind: 'destroy', name: 'u7.service' as UnitName }), registry.changeUnit({ kind: 'target', name: 'u9.service' as UnitName, targetState: 'inactive' })]);
    expect(results.filter((result) => !result.ok).map((result) => result.name).filter((unit) => unit !== 'u7.service')).toEqual([]);
    const { items } = await store.range({ prefix: '/f/units/' });
    expect(items).toHaveLength(39);
  });

  it('atomic: all in one revision', async () => {
    const results = await registry.changeUnits(many(40, (index) => ({ text: `t${index}`, hash: index.toString(16).padStart(40, '0') as UnitHash })), { atomic: true });
    expect(new Set(results.map((result) => result.ok && result.revision)).size).toBe(1);
    expect((await store.range({ prefix: '/f/units/' })).items).toHaveLength(40);
  });

  it('atomic: one that fails leaves all undone', async () => {
    await registry.changeUnit(create({ name: 'u1.service' as UnitName }));
    const results = await registry.changeUnits(many(3), { atomic: true });
    expect(results.map((result) => (result.ok ? 'ok' : (result.error as unknown as { code: string }).code))).toEqual(['CHANGE_NOT_APPLIED', 'UNIT_EXISTS', 'CHANGE_NOT_APPLIED']);
    expect((await store.range({ prefix: '/f/units/' })).items).toHaveLength(1);
  });

  it.each([
    { name: 'more than a transaction holds', changes: many(130), code: 'TOO_MANY_CHANGES' },
    { name: 'a unit twice', changes: [...many(1), ...many(1)], code: 'DUPLICATE_CHANGE' },
  ])('atomic: refuses $name', async ({ changes, code }) => {
    expect(await codeOf(registry.changeUnits(changes, { atomic: true }))).toBe(code);
    expect(await contents()).toEqual({});
  });
});

describe('metadata', () => {
  it('keeps tombstones and lays changes over what is there', async () => {
    await registry.changeMetadata([{ machine: 'm1', key: 'region', value: 'eu' }, { machine: 'm1', key: 'disk', value: 'ssd' }, { machine: 'm2', key: 'region', value: 'us' }]);
    const { revision } = await registry.changeMetadata([{ machine: 'm1', key: 'region', value: '' }]);
    expect(await contents()).toEqual({ 'metadata/m1': { values: { region: '', disk: 'ssd' } }, 'metadata/m2': { values: { region: 'us' } } });
    expect(await registry.changeMetadata([{ machine: 'm1', key: 'region', value: '' }])).toEqual({ revision });
  });

  it('takes any name as a plain key', async () => {
    await registry.changeMetadata([{ machine: 'm1', key: '__proto__', value: 'x' }, { machine: 'm1', key: 'constructor', value: 'y' }]);
    await registry.changeMetadata([{ machine: 'm1', key: 'toString', value: 'z' }]);
    expect((await store.get('/f/metadata/m1')).item?.value).toBe('{"values":{"__proto__":"x","constructor":"y","toString":"z"}}');
  });

  it('loses nothing among racing writers', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => registry.changeMetadata([{ machine: 'm1', key: `k${index}`, value: 'v' }])));
    expect(Object.keys((await contents())['metadata/m1'] as object)).toEqual(['values']);
    expect(Object.keys(((await contents())['metadata/m1'] as { values: object }).values)).toHaveLength(8);
  });
});

describe('machines', () => {
  const machine = (sessionId: string) => ({ id: m2, bootId: 'b', sessionId, address: '10.0.0.2', metadata: { disk: 'ssd' }, version: '1', capabilities: {} });
  const state = (unit: string, machineId = m2) => ({ kind: 'put' as const, state: { unit: unit as UnitName, machine: machineId, load: 'loaded', active: 'active', sub: 'running', hash: hashOf('a'), asked: 'launched' as const, generation: 1 } });

  it('register once per id; the same session takes over with a new lease', async () => {
    const second = await registry.grantLease(60_000);
    await registry.registerMachine(machine('one'), lease);
    expect(await codeOf(registry.registerMachine(machine('two'), second.id))).toBe('MACHINE_ID_TAKEN');
    await registry.registerMachine(machine('one'), second.id);
    expect((await store.get('/f/machines/m2')).item?.lease).toBe(second.id);
    await registry.removeMachine(m2, 'two');
    expect((await store.get('/f/machines/m2')).item).not.toBeNull();
    await registry.removeMachine(m2, 'one');
    await registry.registerMachine(machine('two'), lease);
  });

  it('publish states in batches under their lease, and lose them with it', async () => {
    await registry.registerMachine(machine('one'), lease);
    await registry.publishStates(m2, 'one', lease, Array.from({ length: 300 }, (_, index) => state(`u${index}.service`)));
    expect((await store.range({ prefix: '/f/state/m2/' })).items).toHaveLength(300);
    await registry.publishStates(m2, 'one', lease, [{ kind: 'delete', unit: 'u0.service' as UnitName }, state('u1.service'), { kind: 'delete', unit: 'u1.service' as UnitName }]);
    expect((await store.range({ prefix: '/f/state/m2/' })).items).toHaveLength(298);
    await registry.revokeLease(lease);
    expect((await store.range({ prefix: '/f/state/' })).items).toEqual([]);
    expect(await codeOf(registry.publishStates(m2, 'one', lease, [state('u1.service')]))).toBe('LEASE_NOT_FOUND');
  });

  it('cannot publish after another session has taken the id', async () => {
    await registry.registerMachine(machine('one'), lease);
    await registry.publishStates(m2, 'one', lease, [state('a.service')]);
    const other = createRegistry(store, { prefix: '/f', clock, logger: silentLogger });
    await other.removeMachine(m2, 'one');
    await other.registerMachine(machine('two'), lease);
    expect(await codeOf(registry.publishStates(m2, 'one', lease, [state('a.service')]))).toBe('MACHINE_ID_TAKEN');
    expect((await store.range({ prefix: '/f/state/' })).items).toEqual([]);
  });

  it('go on publishing after they registered anew under the same session', async () => {
    await registry.registerMachine(machine('one'), lease);
    const again = await registry.grantLease(60_000);
    await store.transaction({ compare: [], operations: [{ kind: 'delete', key: '/f/machines/m2' }] });
    const other = createRegistry(store, { prefix: '/f', clock, logger: silentLogger });
    await other.registerMachine(machine('one'), again.id);
    await registry.publishStates(m2, 'one', again.id, [state('a.service')]);
    expect((await store.get('/f/state/m2/a.service')).item?.lease).toBe(again.id);
  });
});

describe('leadership', () => {
  it('is held by one; a lost answer is found again; resigning frees it', async () => {
    const other = await registry.grantLease(60_000);
    expect(await registry.campaign(m2, 'session-2', other.id)).toBeNull();
    expect(await registry.campaign(m1, 'session-1', lease)).toEqual({ fence });
    await registry.resign(fence + 1);
    expect(await registry.campaign(m2, 'session-2', other.id)).toBeNull();
    await registry.resign(fence);
    expect((await registry.campaign(m2, 'session-2', other.id))?.fence).toBeGreaterThan(fence);
  });

  it('two campaigners never both lead', async () => {
    await registry.resign(fence);
    const leases = await Promise.all(Array.from({ length: 10 }, () => registry.grantLease(60_000)));
    const outcomes = await Promise.all(leases.map(({ id }, index) => registry.campaign(m1, `s${index}`, id)));
    expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
  });

  it('a former leader can write nothing', async () => {
    const { revision } = await registry.changeUnit(create());
    await registry.revokeLease(lease);
    const next = await registry.grantLease(60_000);
    await registry.campaign(m2, 'session-2', next.id);
    const before = await contents();
    const change = { kind: 'place' as const, unit: name, machine: m2, hash: hashOf('a'), targetState: 'launched' as const, generation: 1, expectUnit: revision };
    expect(await codeOf(registry.applyPlacements([change], fence))).toBe('LEADERSHIP_LOST');
    expect(await codeOf(registry.raiseEngineVersion(9, fence))).toBe('LEADERSHIP_LOST');
    expect(await codeOf(registry.collectTexts(fence))).toBe('no failure');
    expect(await contents()).toEqual(before);
  });

  it('raises the engine version and never lowers it', async () => {
    expect(await registry.readEngineVersion()).toBe(0);
    await registry.raiseEngineVersion(2, fence);
    await registry.raiseEngineVersion(1, fence);
    expect(await registry.readEngineVersion()).toBe(2);
  });
});

describe('placements', () => {
  it('carries out what holds and returns what does not', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `u${index}.service` as UnitName);
    await registry.changeUnits(names.map((unit) => create({ name: unit })), { atomic: false });
    const records = await Promise.all(names.map(async (unit) => (await registry.readUnit(unit))?.unit));
    await registry.changeUnit({ kind: 'target', name: 'u17.service' as UnitName, targetState: 'inactive' });
    await registry.changeUnit({ kind: 'destroy', name: 'u55.service' as UnitName });
    const changes = records.map((record) => ({ kind: 'place' as const, unit: record!.name, machine: m2, hash: record!.hash, targetState: 'launched' as const, generation: 1, expectUnit: record!.revision }));
    const { rejected } = await registry.applyPlacements(changes, fence);
    expect(rejected.map(({ unit }) => unit)).toEqual(['u17.service', 'u55.service']);
    expect((await store.range({ prefix: '/f/place/' })).items).toHaveLength(98);
    expect((await store.range({ prefix: '/f/sched/m2/' })).items).toHaveLength(98);
  });

  it('moves a unit in order, and never places it twice', async () => {
    await registry.changeUnit(create());
    await place(name, m1);
    const { unit, placement } = (await registry.readUnit(name))!;
    const to = (machine: MachineId) => ({ kind: 'place' as const, unit: name, machine, hash: unit.hash, targetState: 'launched' as const, generation: 1, expectUnit: unit.revision });
    expect((await registry.applyPlacements([to(m2)], fence)).rejected).toHaveLength(1);
    const moved = await registry.applyPlacements([{ kind: 'unplace', unit: name, machine: m1, expectPlacement: placement!.revision }, to(m2)], fence);
    expect(moved.rejected).toEqual([]);
    expect(await contents()).toMatchObject({ 'place/web.service': { machine: 'm2' } });
    expect((await store.range({ prefix: '/f/sched/' })).items.map((item) => item.key)).toEqual(['/f/sched/m2/web.service']);
  });

  it('keeps reasons for pending units that exist, and drops them with the placement', async () => {
    await registry.changeUnit(create());
    const pending = { machines: 5, rejections: [{ code: 'METADATA', detail: 'region=eu', machines: 5 }], summary: '0 of 5 machines: 5 lack metadata region=eu' };
    const { rejected } = await registry.applyPlacements([{ kind: 'pending', unit: name, pending }, { kind: 'pending', unit: 'gone.service' as UnitName, pending }], fence);
    expect(rejected.map(({ unit }) => unit)).toEqual(['gone.service']);
    expect((await contents())['pending/web.service']).toEqual(pending);
    await place(name, m2);
    expect((await contents())['pending/web.service']).toBeUndefined();
    expect((await registry.applyPlacements([{ kind: 'pending', unit: name, pending }], fence)).rejected).toHaveLength(1);
  });
});

describe('collection of texts', () => {
  it('deletes a text only when it was without a unit at two calls', async () => {
    await registry.changeUnit(create());
    await registry.changeUnit(create({ name: 'b.service' as UnitName, hash: hashOf('b'), text: 'text b' }));
    await registry.changeUnit({ kind: 'destroy', name });
    expect(await registry.collectTexts(fence)).toBe(0);
    expect(await registry.collectTexts(fence)).toBe(1);
    expect(Object.keys(await contents())).toEqual([`files/${hashOf('b')}`, 'units/b.service']);
  });

  it('spares a text that came into use again, and its reader never misses it', async () => {
    await registry.changeUnit(create());
    await registry.changeUnit({ kind: 'destroy', name });
    await registry.collectTexts(fence);
    await registry.changeUnit(create());
    expect(await registry.collectTexts(fence)).toBe(0);
    expect(await registry.collectTexts(fence)).toBe(0);
    expect(Object.keys(await contents())).toEqual([`files/${hashOf('a')}`, 'units/web.service']);
  });

  it('a unit made while its text is collected has it, whatever the order', async () => {
    for (let round = 0; round < 20; round += 1) {
      await registry.changeUnit(create());
      await registry.changeUnit({ kind: 'destroy', name });
      await registry.collectTexts(fence);
      const other = createRegistry(store, { prefix: '/f', clock, logger: silentLogger });
      const steps = [registry.collectTexts(fence), other.changeUnit(create())];
      await Promise.all(round % 2 === 0 ? steps : steps.toReversed());
      expect(await createRegistry(store, { prefix: '/f', clock, logger: silentLogger }).readText(hashOf('a'))).toBe('text a');
      await registry.changeUnit({ kind: 'destroy', name });
    }
  });

  it('says which text is missing', async () => {
    expect(await codeOf(registry.readText(hashOf('c')))).toBe('UNIT_TEXT_MISSING');
  });
});
