import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { silentLogger, systemClock } from '@fleet/runtime';
import { createMemoryStore } from './embedded/index.ts';
import { METADATA_KEPT_MS } from './metadata-collection.ts';
import { createRegistry } from './registry.ts';
import type { LeaseId, Store } from './store.ts';
import type { Registry } from './registry-types.ts';

const [here, gone] = ['here', 'gone'] as MachineId[] as [MachineId, MachineId];

describe('collectMetadata', () => {
  let wall: number;
  let store: Store;
  let registry: Registry;
  let fence: number;
  let lease: LeaseId;
  beforeEach(async () => {
    wall = 1_700_000_000_000;
    store = createMemoryStore();
    registry = createRegistry(store, { prefix: '/f/', clock: { ...systemClock, now: () => wall }, logger: silentLogger });
    lease = (await registry.grantLease(60_000)).id;
    fence = (await registry.campaign(here, 'session', lease))?.fence ?? 0;
    await join(here);
    for (const machine of [here, gone]) await set(machine, 'db');
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
  });

  const join = (id: MachineId) => registry.registerMachine({ id, bootId: 'b', sessionId: id, address: '', metadata: {}, version: '1', capabilities: {} }, lease);
  const set = (machine: MachineId, value: string) => registry.changeMetadata([{ machine, key: 'role', value }]);
  const keysLeft = async (): Promise<readonly string[]> => {
    const { items } = await store.range({ prefix: '/f/' });
    return items.map(({ key }) => key.slice(3)).filter((key) => /^(metadata|absent)\//.test(key));
  };
  const all = ['absent/gone', 'metadata/gone', 'metadata/here'];

  it('drops what has been without a machine for a week, and writes nothing before', async () => {
    expect(await registry.collectMetadata(fence)).toBe(0);
    expect(await keysLeft()).toEqual(all);
    const { revision } = await store.get('/none');
    wall += METADATA_KEPT_MS - 1;
    expect(await registry.collectMetadata(fence)).toBe(0);
    expect((await store.get('/none')).revision).toBe(revision);
    wall += 1;
    expect(await registry.collectMetadata(fence)).toBe(1);
    expect(await keysLeft()).toEqual(['metadata/here']);
  });

  it.each([
    { title: 'comes back before that', meanwhile: () => join(gone), left: ['metadata/gone', 'metadata/here'] },
    { title: 'never had any after all', meanwhile: () => store.transaction({ compare: [], operations: [{ kind: 'delete', key: '/f/metadata/gone' }] }), left: ['metadata/here'] },
  ])('forgets that a machine was missed that $title', async ({ meanwhile, left }) => {
    await registry.collectMetadata(fence);
    await meanwhile();
    wall += METADATA_KEPT_MS;
    expect(await registry.collectMetadata(fence)).toBe(0);
    expect(await keysLeft()).toEqual(left);
  });

  it.each([
    { title: 'registers', meanwhile: () => join(gone) },
    { title: 'is given new metadata', meanwhile: () => set(gone, 'web') },
  ])('leaves a machine alone that $title while it is decided', async ({ meanwhile }) => {
    await registry.collectMetadata(fence);
    wall += METADATA_KEPT_MS;
    const transaction = store.transaction.bind(store);
    const racing = createRegistry(
      new Proxy(store, {
        get: (target, key) =>
          key === 'transaction'
            ? async (...args: Parameters<Store['transaction']>) => {
                await meanwhile();
                return transaction(...args);
              }
            : (Reflect.get(target, key) as (...args: unknown[]) => unknown).bind(target),
      }),
      { prefix: '/f/', clock: { ...systemClock, now: () => wall }, logger: silentLogger },
    );
    expect(await racing.collectMetadata(fence)).toBe(0);
    expect(await keysLeft()).toEqual(all);
  });

  it('is done by nobody but the leader', async () => {
    await expect(registry.collectMetadata(fence + 1)).rejects.toMatchObject({ code: 'LEADERSHIP_LOST' });
    expect(await keysLeft()).toEqual(all.slice(1));
  });
});
