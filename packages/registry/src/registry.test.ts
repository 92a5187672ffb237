import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@fleet/runtime';
import type { FakeClock } from '@fleet/runtime/testing';
import type { MachineId, UnitName } from '@fleet/model';
import type { EmbeddedStore } from './embedded/index.ts';
import { createRegistry } from './registry.ts';
import type { Registry } from './registry-types.ts';
import { codeOf } from './testing/contract-support.ts';
import { create, hashOf, m1, m2, name, openLedRegistry, type LedRegistry } from './testing/led-registry.ts';

let world: LedRegistry;
let clock: FakeClock;
let store: EmbeddedStore;
let registry: Registry;
let lease: string;
let fence: number;
let contents: LedRegistry['contents'];
let place: LedRegistry['place'];
beforeEach(async () => {
  world = await openLedRegistry();
  ({ clock, store, registry, lease, fence, contents, place } = world);
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
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
