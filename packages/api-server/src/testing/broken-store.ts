import type { Store } from '@fleet/registry';
import { FleetError } from '@fleet/runtime';

/** A store that cannot be reached. */
export function createUnreachableStore(): Store {
  const fail = (): Promise<never> => Promise.reject(new FleetError('the store cannot be reached', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' }));
  return {
    get: fail,
    range: fail,
    transaction: fail,
    watch: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }),
    grantLease: fail,
    keepAlive: fail,
    readLease: fail,
    revokeLease: fail,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
