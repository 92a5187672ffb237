import type { UnitName } from '@fleet/model';
import type { Keys } from './keys.ts';
import type { UnitRecord } from './records.ts';
import { MAX_OPERATIONS, type CallOptions, type Store } from './store.ts';

type Known = Pick<UnitRecord, 'name' | 'revision'>;

/**
 * Names of those records that are not what is stored any more. A transaction of conditions alone asks for many at once; one that
 * does not hold is cut in halves until it is known which.
 */
export async function findStaleUnits(store: Store, keys: Keys, units: readonly Known[], options?: CallOptions): Promise<readonly UnitName[]> {
  const stale: UnitName[] = [];
  for (let start = 0; start < units.length; start += MAX_OPERATIONS) stale.push(...(await staleOf(store, keys, units.slice(start, start + MAX_OPERATIONS), options)));
  return stale;
}

async function staleOf(store: Store, keys: Keys, units: readonly Known[], options: CallOptions | undefined): Promise<readonly UnitName[]> {
  const compare = units.map(({ name, revision }) => ({ kind: 'mod-revision' as const, key: keys.unit(name), equals: revision }));
  const { succeeded } = await store.transaction({ compare, operations: [] }, options);
  if (succeeded) return [];
  if (units.length === 1) return units.map(({ name }) => name);
  const middle = Math.ceil(units.length / 2);
  return [...(await staleOf(store, keys, units.slice(0, middle), options)), ...(await staleOf(store, keys, units.slice(middle), options))];
}
