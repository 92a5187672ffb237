import { beforeEach, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@fleet/runtime';
import { MAX_OPERATIONS, MAX_REQUEST_BYTES, type Compare, type Operation, type Store, type Transaction } from '../store.ts';
import type { ContractContext } from './store-contract.ts';
import { failureOf, put, remove } from './contract-support.ts';

export function describeTransactions({ current }: ContractContext): void {
  describe('transactions', () => {
    let store: Store;
    let prefix: string;
    beforeEach(() => {
      ({ store, prefix } = current());
    });
    const contents = async (): Promise<Record<string, string>> => Object.fromEntries((await store.range({ prefix })).items.map((item) => [item.key.slice(prefix.length), item.value]));

    it('carries all operations out at one revision', async () => {
      await put(store, `${prefix}old`, '');
      await put(store, `${prefix}many/1`, '');
      await put(store, `${prefix}many/2`, '');
      const { succeeded, revision } = await store.transaction({
        compare: [],
        operations: [
          { kind: 'put', key: `${prefix}a`, value: '1' },
          { kind: 'put', key: `${prefix}b`, value: '2' },
          { kind: 'delete', key: `${prefix}old` },
          { kind: 'delete-prefix', prefix: `${prefix}many/` },
        ],
      });
      expect(succeeded).toBe(true);
      expect(await contents()).toEqual({ a: '1', b: '2' });
      const { items } = await store.range({ prefix });
      expect(items.map((item) => item.modRevision)).toEqual([revision, revision]);
    });

    it('takes a revision only when something changes', async () => {
      const before = await put(store, `${prefix}a`, '');
      const nothing = await store.transaction({ compare: [], operations: [{ kind: 'delete', key: `${prefix}absent` }] });
      const empty = await store.transaction({ compare: [], operations: [] });
      expect([nothing, empty]).toEqual([
        { succeeded: true, revision: before },
        { succeeded: true, revision: before },
      ]);
    });

    describe('conditions', () => {
      let created: number;
      let modified: number;
      beforeEach(async () => {
        created = await put(store, `${prefix}k`, 'one');
        modified = await put(store, `${prefix}k`, 'two');
      });

      it.each<{ name: string; compare: (created: number, modified: number) => Omit<Compare, 'key'> & { readonly key: string }; holds: boolean }>([
        { name: 'create revision equal', compare: (created) => ({ kind: 'create-revision', key: 'k', equals: created }), holds: true },
        { name: 'create revision of another change', compare: (_, modified) => ({ kind: 'create-revision', key: 'k', equals: modified }), holds: false },
        { name: 'create revision 0 of a key that exists', compare: () => ({ kind: 'create-revision', key: 'k', equals: 0 }), holds: false },
        { name: 'create revision 0 of a key that does not exist', compare: () => ({ kind: 'create-revision', key: 'absent', equals: 0 }), holds: true },
        { name: 'create revision of a key that does not exist', compare: (created) => ({ kind: 'create-revision', key: 'absent', equals: created }), holds: false },
        { name: 'last revision equal', compare: (_, modified) => ({ kind: 'mod-revision', key: 'k', equals: modified }), holds: true },
        { name: 'last revision older', compare: (created) => ({ kind: 'mod-revision', key: 'k', equals: created }), holds: false },
        { name: 'last revision 0 of a key that exists', compare: () => ({ kind: 'mod-revision', key: 'k', equals: 0 }), holds: false },
        { name: 'last revision 0 of a key that does not exist', compare: () => ({ kind: 'mod-revision', key: 'absent', equals: 0 }), holds: true },
        { name: 'value equal', compare: () => ({ kind: 'value', key: 'k', equals: 'two' }), holds: true },
        { name: 'value of before', compare: () => ({ kind: 'value', key: 'k', equals: 'one' }), holds: false },
        { name: 'value of a key that does not exist', compare: () => ({ kind: 'value', key: 'absent', equals: 'two' }), holds: false },
        { name: 'empty value of a key that does not exist', compare: () => ({ kind: 'value', key: 'absent', equals: '' }), holds: false },
      ])('$name: $holds', async ({ compare, holds }) => {
        const condition = compare(created, modified);
        const result = await store.transaction({ compare: [{ ...condition, key: prefix + condition.key } as Compare], operations: [{ kind: 'put', key: `${prefix}done`, value: 'yes' }] });
        expect(result).toEqual({ succeeded: holds, revision: holds ? modified + 1 : modified });
        expect(await contents()).toEqual(holds ? { k: 'two', done: 'yes' } : { k: 'two' });
      });

      it('must all hold', async () => {
        const result = await store.transaction({
          compare: [
            { kind: 'mod-revision', key: `${prefix}k`, equals: modified },
            { kind: 'mod-revision', key: `${prefix}other`, equals: 7 },
          ],
          operations: [{ kind: 'delete', key: `${prefix}k` }],
        });
        expect(result.succeeded).toBe(false);
        expect(await contents()).toEqual({ k: 'two' });
      });

      it('see that a key was made anew', async () => {
        await remove(store, `${prefix}k`);
        await put(store, `${prefix}k`, 'two');
        const result = await store.transaction({ compare: [{ kind: 'create-revision', key: `${prefix}k`, equals: created }], operations: [{ kind: 'delete', key: `${prefix}k` }] });
        expect(result.succeeded).toBe(false);
      });
    });

    it('lets exactly one of many writers with the same condition win', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) => store.transaction({ compare: [{ kind: 'create-revision', key: `${prefix}k`, equals: 0 }], operations: [{ kind: 'put', key: `${prefix}k`, value: String(index) }] })),
      );
      const winners = results.flatMap((result, index) => (result.succeeded ? [String(index)] : []));
      expect(winners).toHaveLength(1);
      expect((await store.get(`${prefix}k`)).item?.value).toBe(winners[0]);
    });

    it('loses no count among concurrent read-modify-writes', async () => {
      await put(store, `${prefix}count`, '0');
      const add = async (): Promise<void> => {
        for (;;) {
          const { item } = await store.get(`${prefix}count`);
          const next = String(Number(item?.value) + 1);
          const result = await store.transaction({ compare: [{ kind: 'mod-revision', key: `${prefix}count`, equals: item?.modRevision ?? 0 }], operations: [{ kind: 'put', key: `${prefix}count`, value: next }] });
          if (result.succeeded) return;
        }
      };
      await Promise.all(Array.from({ length: 10 }, add));
      expect((await store.get(`${prefix}count`)).item?.value).toBe('10');
    });

    it('gives concurrent writes revisions of their own, in order without gaps', async () => {
      const results = await Promise.all(Array.from({ length: 30 }, (_, index) => put(store, `${prefix}${index}`, '')));
      const sorted = results.toSorted((a, b) => a - b);
      const first = sorted[0] ?? 0;
      expect(sorted).toEqual(Array.from({ length: 30 }, (_, index) => first + index));
    });

    it(`takes ${MAX_OPERATIONS} operations`, async () => {
      const operations: Operation[] = Array.from({ length: MAX_OPERATIONS }, (_, index) => ({ kind: 'put', key: `${prefix}${index}`, value: '' }));
      expect((await store.transaction({ compare: [], operations })).succeeded).toBe(true);
      expect((await store.range({ prefix })).items).toHaveLength(MAX_OPERATIONS);
    });

    it.each<{ name: string; code: string; make: (prefix: string) => Transaction }>([
      { name: 'too many operations', code: 'STORE_REQUEST_TOO_LARGE', make: (prefix: string) => ({ compare: [], operations: Array.from({ length: MAX_OPERATIONS + 1 }, (_, index): Operation => ({ kind: 'put', key: `${prefix}${index}`, value: '' })) }) },
      { name: 'too many conditions', code: 'STORE_REQUEST_TOO_LARGE', make: (prefix: string) => ({ compare: Array.from({ length: MAX_OPERATIONS + 1 }, (_, index): Compare => ({ kind: 'mod-revision', key: `${prefix}${index}`, equals: 0 })), operations: [] }) },
      { name: 'too many bytes', code: 'STORE_REQUEST_TOO_LARGE', make: (prefix: string) => ({ compare: [], operations: [{ kind: 'put', key: `${prefix}big`, value: 'x'.repeat(MAX_REQUEST_BYTES) }] }) },
      { name: 'too many bytes in several operations', code: 'STORE_REQUEST_TOO_LARGE', make: (prefix: string) => ({ compare: [], operations: Array.from({ length: 4 }, (_, index): Operation => ({ kind: 'put', key: `${prefix}${index}`, value: 'ü'.repeat(200_000) })) }) },
      { name: 'a key put twice', code: 'STORE_REQUEST_INVALID', make: (prefix: string) => ({ compare: [], operations: [{ kind: 'put', key: `${prefix}k`, value: '1' }, { kind: 'put', key: `${prefix}k`, value: '2' }] as Operation[] }) },
      { name: 'a key put and deleted', code: 'STORE_REQUEST_INVALID', make: (prefix: string) => ({ compare: [], operations: [{ kind: 'delete', key: `${prefix}k` }, { kind: 'put', key: `${prefix}k`, value: '2' }] as Operation[] }) },
      { name: 'a key put below a prefix that is deleted', code: 'STORE_REQUEST_INVALID', make: (prefix: string) => ({ compare: [], operations: [{ kind: 'delete-prefix', prefix }, { kind: 'put', key: `${prefix}k`, value: '2' }] as Operation[] }) },
      { name: 'an empty key', code: 'STORE_REQUEST_INVALID', make: () => ({ compare: [], operations: [{ kind: 'put', key: '', value: '2' }] as Operation[] }) },
      { name: 'a lease that does not exist', code: 'LEASE_NOT_FOUND', make: (prefix: string) => ({ compare: [], operations: [{ kind: 'put', key: `${prefix}a`, value: '' }, { kind: 'put', key: `${prefix}k`, value: '', lease: '4611686018427387' }] as Operation[] }) },
    ])('refuses $name and changes nothing', async ({ code, make }) => {
      const error = await failureOf(store.transaction(make(prefix)));
      expect(isFleetError(error) ? error.code : error).toBe(code);
      expect(await contents()).toEqual({});
    });

    it('does not look at the lease of an operation that is not carried out', async () => {
      const result = await store.transaction({
        compare: [{ kind: 'create-revision', key: `${prefix}k`, equals: 5 }],
        operations: [{ kind: 'put', key: `${prefix}k`, value: '', lease: '4611686018427387' }],
      });
      expect(result.succeeded).toBe(false);
    });

    it('one refused write does not harm others sent at the same moment', async () => {
      const [first, bad, last] = await Promise.allSettled([put(store, `${prefix}a`, '1'), put(store, `${prefix}b`, '2', '4611686018427387'), put(store, `${prefix}c`, '3')]);
      expect([first.status, bad.status, last.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await contents()).toEqual({ a: '1', c: '3' });
    });

    it('cancelled while under way, fails with the reason', async () => {
      const controller = new AbortController();
      const reason = new Error('changed my mind');
      const pending = failureOf(store.transaction({ compare: [], operations: [{ kind: 'put', key: `${prefix}k`, value: '' }] }, { signal: controller.signal }));
      controller.abort(reason);
      expect(await pending).toBe(reason);
    });
  });
}
