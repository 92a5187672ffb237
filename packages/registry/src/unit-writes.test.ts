import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@fleet/runtime';
import type { FakeClock } from '@fleet/runtime/testing';
import type { UnitHash, UnitName } from '@fleet/model';
import { withMetrics } from './decorators.ts';
import type { EmbeddedStore } from './embedded/index.ts';
import { createRegistry } from './registry.ts';
import type { Registry, UnitChange } from './registry-types.ts';
import { codeOf } from './testing/contract-support.ts';
import { create, hashOf, m2, name, openLedRegistry, type LedRegistry } from './testing/led-registry.ts';

let world: LedRegistry;
let clock: FakeClock;
let store: EmbeddedStore;
let registry: Registry;
let fence: number;
let contents: LedRegistry['contents'];
let place: LedRegistry['place'];
beforeEach(async () => {
  world = await openLedRegistry();
  ({ clock, store, registry, fence, contents, place } = world);
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

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

  it('gives a unit with an unknown target state a known one, also where it is placed', async () => {
    await registry.changeUnit(create());
    await place(name, m2);
    const damaged = JSON.stringify({ hash: hashOf('a'), targetState: 'bogus', generation: 4, global: false });
    await store.transaction({ compare: [], operations: [{ kind: 'put', key: '/f/units/web.service', value: damaged }] });
    expect([await codeOf(registry.readUnit(name)), await registry.readUnitRecord(name)]).toMatchObject(['RECORD_INVALID', { hash: hashOf('a'), targetState: null }]);
    expect(await registry.changeUnit({ kind: 'target', name, targetState: 'loaded' })).toMatchObject({ generation: 5 });
    expect(await contents()).toMatchObject({ 'units/web.service': { hash: hashOf('a'), targetState: 'loaded', generation: 5 }, 'sched/m2/web.service': { targetState: 'loaded', generation: 5 } });
  });

  it('does not guess what a record that is damaged otherwise should be', async () => {
    await store.transaction({ compare: [], operations: [{ kind: 'put', key: '/f/units/web.service', value: 'garbage' }] });
    expect(await codeOf(registry.changeUnit({ kind: 'target', name, targetState: 'loaded' }))).toBe('RECORD_INVALID');
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
