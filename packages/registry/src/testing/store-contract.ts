import { afterEach, beforeEach, describe } from '@jest/globals';
import type { Store } from '../store.ts';
import { describeLeases } from './contract-leases.ts';
import { describeReads } from './contract-reads.ts';
import { describeTransactions } from './contract-transactions.ts';
import { describeWatches } from './contract-watches.ts';

/** A store under test, and the few things a test must be able to do to it from outside. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Prefix that nobody else uses; tests put all their keys below it. */
  readonly prefix: string;
  /** Forgets history up to and including `revision`. */
  compact(revision: number): Promise<void>;
  /** Lets time pass for leases: moves a fake clock, or really waits. */
  passTime(ms: number): Promise<void>;
  /** Shortest TTL that the store honours, in milliseconds. */
  readonly shortTtlMs: number;
  /** Ends the store and frees what it used. */
  dispose(): PromiseLike<void>;
}

/** How the groups of the suite reach the store of the running test. */
export interface ContractContext {
  readonly current: () => StoreUnderTest;
}

/**
 * The suite that every {@link Store} must pass. Each test gets a store of its own from `createStore`.
 *
 * @example describeStoreContract('memory', async () => ({ store: createMemoryStore(), … }));
 */
export function describeStoreContract(name: string, createStore: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let made: StoreUnderTest | undefined;
    beforeEach(async () => {
      made = await createStore();
    });
    afterEach(async () => {
      await made?.dispose();
      made = undefined;
    });
    const context: ContractContext = {
      current: () => {
        if (made === undefined) throw new Error('no store: used outside a test');
        return made;
      },
    };
    describeReads(context);
    describeTransactions(context);
    describeWatches(context);
    describeLeases(context);
  });
}
