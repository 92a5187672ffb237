import { beforeEach, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@fleet/runtime';
import type { RangeRequest, Store } from '../store.ts';
import type { ContractContext } from './store-contract.ts';
import { failureOf, put, remove } from './contract-support.ts';

export function describeReads({ current }: ContractContext): void {
  describe('reads', () => {
    let store: Store;
    let prefix: string;
    beforeEach(() => {
      ({ store, prefix } = current());
    });
    const keys = async (request: Omit<RangeRequest, 'prefix'> & { readonly below?: string } = {}): Promise<string[]> => {
      const { below = '', startAfter, ...rest } = request;
      const result = await store.range({ ...rest, prefix: prefix + below, startAfter: startAfter === undefined ? undefined : prefix + startAfter });
      return result.items.map((item) => item.key.slice(prefix.length));
    };

    it('says null for a key that does not exist', async () => {
      const result = await store.get(`${prefix}nothing`);
      expect(result.item).toBeNull();
      expect(result.revision).toBeGreaterThanOrEqual(1);
    });

    it('reads back a key with its revisions, and counts lives of a key anew', async () => {
      const key = `${prefix}key`;
      const first = await put(store, key, 'one');
      const second = await put(store, key, 'two');
      expect(second).toBeGreaterThan(first);
      expect(await store.get(key)).toEqual({ item: { key, value: 'two', createRevision: first, modRevision: second, lease: null }, revision: second });
      await remove(store, key);
      const third = await put(store, key, 'three');
      expect((await store.get(key)).item).toEqual({ key, value: 'three', createRevision: third, modRevision: third, lease: null });
    });

    it.each([
      { name: 'empty', value: '' },
      { name: 'umlauts and CJK', value: 'Grüße, 世界' },
      { name: 'beyond the basic plane', value: '🚀 \u{10ffff}' },
      { name: 'control characters', value: 'a\0b\n\r\t\u001f' },
      { name: 'JSON', value: '{"a":[1,2,{"b":"\\u0000"}]}' },
      { name: 'a byte order mark', value: '\ufeffx' },
      { name: 'one mebibyte', value: 'x'.repeat(2 ** 20) },
    ])('keeps a value as it is: $name', async ({ value }) => {
      await put(store, `${prefix}value`, value);
      const { item } = await store.get(`${prefix}value`);
      expect(item?.value === value).toBe(true);
    });

    it('orders keys by their bytes, not by letters or UTF-16 units', async () => {
      const names = ['a', 'B', 'ä', '', '\u{1f680}', 'ab', 'a/', 'a0', '~'];
      await store.transaction({ compare: [], operations: names.filter((name) => name !== '').map((name) => ({ kind: 'put', key: prefix + name, value: '' })) });
      const expected = names.filter((name) => name !== '').sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keys()).toEqual(expected);
    });

    it.each([
      { name: 'only what begins with it', below: 'a', expected: ['a', 'a/', 'a/b', 'ab'] },
      { name: 'with a slash at its end, not the key itself', below: 'a/', expected: ['a/', 'a/b'] },
      { name: 'nothing', below: 'nope', expected: [] },
      { name: 'the last letter of a byte range', below: '\u007f', expected: ['\u007f', '\u007fx'] },
      { name: 'a surrogate border', below: '\ud7ff', expected: ['\ud7ff', '\ud7ffx'] },
      { name: 'the last code point', below: '\u{10ffff}', expected: ['\u{10ffff}', '\u{10ffff}x'] },
      { name: 'percent and underscore are plain letters', below: '%', expected: ['%_'] },
    ])('takes a prefix literally: $name', async ({ below, expected }) => {
      const all = ['a', 'a/', 'a/b', 'ab', 'b', '\u007f', '\u007fx', '\u0080', '\ud7ff', '\ud7ffx', '\ue000', '\u{10ffff}', '\u{10ffff}x', '%_', '_%', 'A'];
      await store.transaction({ compare: [], operations: all.map((name) => ({ kind: 'put', key: prefix + name, value: '' })) });
      expect(await keys({ below })).toEqual(expected);
    });

    it('gives pages that together are the whole, at one revision', async () => {
      const names = Array.from({ length: 25 }, (_, index) => `k${String(index).padStart(2, '0')}`);
      await store.transaction({ compare: [], operations: names.map((name) => ({ kind: 'put', key: prefix + name, value: name })) });
      const first = await store.range({ prefix, limit: 10 });
      expect({ length: first.items.length, more: first.more }).toEqual({ length: 10, more: true });
      await put(store, `${prefix}k00`, 'changed');
      await remove(store, `${prefix}k15`);
      await put(store, `${prefix}k99`, 'new');
      const seen = first.items.map((item) => item.value);
      let last = first.items.at(-1)?.key;
      for (;;) {
        const page = await store.range({ prefix, limit: 10, startAfter: last, revision: first.revision });
        expect(page.revision).toBe(first.revision);
        seen.push(...page.items.map((item) => item.value));
        last = page.items.at(-1)?.key;
        if (!page.more) break;
      }
      expect(seen).toEqual(names);
    });

    it.each([
      { name: 'an exact page says there is no more', limit: 3, startAfter: undefined, expected: ['a', 'b', 'c'], more: false },
      { name: 'a limit of one', limit: 1, startAfter: undefined, expected: ['a'], more: true },
      { name: 'starts after a key that does not exist', limit: undefined, startAfter: 'aa', expected: ['b', 'c'], more: false },
      { name: 'starts after the last', limit: undefined, startAfter: 'c', expected: [], more: false },
      { name: 'a start before the prefix changes nothing', limit: 2, startAfter: '', expected: ['a', 'b'], more: true },
    ])('pages: $name', async ({ limit, startAfter, expected, more }) => {
      await store.transaction({ compare: [], operations: ['a', 'b', 'c'].map((name) => ({ kind: 'put', key: prefix + name, value: '' })) });
      const result = await store.range({ prefix, limit, startAfter: startAfter === undefined ? undefined : prefix + startAfter });
      expect({ keys: result.items.map((item) => item.key.slice(prefix.length)), more: result.more }).toEqual({ keys: expected, more });
    });

    it('reads the past', async () => {
      const key = `${prefix}k`;
      const one = await put(store, key, 'one');
      const two = await put(store, key, 'two');
      const gone = await remove(store, key);
      await put(store, key, 'three');
      const at = async (revision: number): Promise<string[]> => (await store.range({ prefix, revision })).items.map((item) => item.value);
      expect([await at(one), await at(two), await at(gone)]).toEqual([['one'], ['two'], []]);
      expect((await store.range({ prefix, revision: two })).items[0]).toEqual({ key, value: 'two', createRevision: one, modRevision: two, lease: null });
    });

    it('refuses a revision that is compacted', async () => {
      const one = await put(store, `${prefix}k`, 'one');
      await put(store, `${prefix}k`, 'two');
      const three = await put(store, `${prefix}k`, 'three');
      await current().compact(three - 1);
      const error = await failureOf(store.range({ prefix, revision: one }));
      expect(isFleetError(error, 'STORE_COMPACTED')).toBe(true);
      expect((await store.range({ prefix, revision: three })).items.map((item) => item.value)).toEqual(['three']);
    });

    it('leaves values out when only keys are asked for', async () => {
      const revision = await put(store, `${prefix}k`, 'value');
      expect((await store.range({ prefix, keysOnly: true })).items).toEqual([{ key: `${prefix}k`, value: '', createRevision: revision, modRevision: revision, lease: null }]);
    });

    it('lists more than one reply of a network store holds', async () => {
      const value = 'v'.repeat(50_000);
      for (let batch = 0; batch < 5; batch += 1) {
        await store.transaction({ compare: [], operations: Array.from({ length: 25 }, (_, index) => ({ kind: 'put', key: `${prefix}${batch}-${index}`, value })) });
      }
      const { items } = await store.range({ prefix });
      expect(items.length).toBe(125);
      expect(items.every((item) => item.value === value)).toBe(true);
    });

    it.each([
      { name: 'get', call: (signal: AbortSignal) => store.get(`${prefix}k`, { signal }) },
      { name: 'range', call: (signal: AbortSignal) => store.range({ prefix }, { signal }) },
      { name: 'transaction', call: (signal: AbortSignal) => store.transaction({ compare: [], operations: [{ kind: 'put', key: `${prefix}k`, value: '' }] }, { signal }) },
      { name: 'grantLease', call: (signal: AbortSignal) => store.grantLease(60_000, { signal }) },
      { name: 'keepAlive', call: (signal: AbortSignal) => store.keepAlive('1', { signal }) },
      { name: 'readLease', call: (signal: AbortSignal) => store.readLease('1', { signal }) },
      { name: 'revokeLease', call: (signal: AbortSignal) => store.revokeLease('1', { signal }) },
    ])('$name fails with the reason of a signal that has aborted before', async ({ call }) => {
      const reason = new Error('no longer wanted');
      expect(await failureOf(call(AbortSignal.abort(reason)))).toBe(reason);
      expect((await store.get(`${prefix}k`)).item).toBeNull();
    });

    it('refuses an empty key', async () => {
      expect(isFleetError(await failureOf(store.get('')), 'STORE_REQUEST_INVALID')).toBe(true);
    });
  });
}
