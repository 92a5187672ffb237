import { silentLogger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { createMemoryStore, type EmbeddedStore } from '../embedded/index.ts';
import { createRegistry } from '../registry.ts';
import type { Registry, UnitChange } from '../registry-types.ts';

export const name = 'web.service' as UnitName;
export const m1 = 'm1' as MachineId;
export const m2 = 'm2' as MachineId;
export const hashOf = (digit: string): UnitHash => digit.repeat(40) as UnitHash;
export const create = (over: Partial<Extract<UnitChange, { kind: 'create' }>> = {}): UnitChange => ({ kind: 'create', name, text: 'text a', hash: hashOf('a'), global: false, targetState: 'launched', ...over });

/** A registry below `/f` of a store in memory, led by m1. */
export interface LedRegistry extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly store: EmbeddedStore;
  readonly registry: Registry;
  /** The leader's. */
  readonly lease: string;
  readonly fence: number;
  /** All keys and values but the leader's and the history, without the prefix; JSON values parsed. */
  readonly contents: () => Promise<Record<string, unknown>>;
  /** Places a unit as the leader does. @throws Error if that is rejected. */
  readonly place: (unit: UnitName, machine: MachineId) => Promise<void>;
}

export async function openLedRegistry(): Promise<LedRegistry> {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  const registry = createRegistry(store, { prefix: '/f', clock, logger: silentLogger });
  const lease = (await registry.grantLease(60_000)).id;
  const fence = (await registry.campaign(m1, 'session-1', lease))?.fence ?? 0;
  return {
    clock,
    store,
    registry,
    lease,
    fence,
    contents: async () => {
      const { items } = await store.range({ prefix: '/f/' });
      return Object.fromEntries(items.filter(({ key }) => !key.endsWith('engine/leader') && !key.startsWith('/f/history/')).map((item) => [item.key.slice(3), item.value.startsWith('{') ? (JSON.parse(item.value) as unknown) : item.value]));
    },
    place: async (unit, machine) => {
      const record = (await registry.readUnit(unit))?.unit;
      if (record === undefined || record.targetState === 'inactive') throw new Error('cannot place');
      const { rejected } = await registry.applyPlacements([{ kind: 'place', unit, machine, hash: record.hash, targetState: record.targetState, generation: record.generation, expectUnit: record.revision }], fence);
      if (rejected.length > 0) throw new Error(`${unit} is not placed on ${machine}`);
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
