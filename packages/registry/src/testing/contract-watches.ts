import { beforeEach, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@fleet/runtime';
import { createRandom } from '@fleet/runtime/testing';
import type { Operation, Store, WatchBatch } from '../store.ts';
import type { ContractContext } from './store-contract.ts';
import { describeBatches, failureOf, put, remove, takeBatches } from './contract-support.ts';

export function describeWatches({ current }: ContractContext): void {
  describe('watches', () => {
    let store: Store;
    let prefix: string;
    beforeEach(() => {
      ({ store, prefix } = current());
    });
    const collect = async (watch: AsyncIterable<WatchBatch>): Promise<void> => {
      for await (const _batch of watch);
    };

    it('delivers the past from a revision on, that one included', async () => {
      await put(store, `${prefix}a`, '0');
      const from = await put(store, `${prefix}a`, '1');
      await remove(store, `${prefix}a`);
      await put(store, `${prefix}a`, '2');
      const batches = await takeBatches(store, { prefix, fromRevision: from }, 3);
      expect(describeBatches(batches, prefix)).toEqual(['+a=1', '-a', '+a=2']);
      expect(batches.map((batch) => batch.revision)).toEqual([from, from + 1, from + 2]);
    });

    it('delivers what happens later, with the full item', async () => {
      const start = (await store.get(`${prefix}k`)).revision + 1;
      const taken = takeBatches(store, { prefix, fromRevision: start }, 2);
      const lease = await store.grantLease(60_000);
      const first = await put(store, `${prefix}k`, 'one', lease.id);
      const second = await put(store, `${prefix}k`, 'two');
      expect((await taken).map((batch) => batch.changes)).toEqual([
        [{ kind: 'put', item: { key: `${prefix}k`, value: 'one', createRevision: first, modRevision: first, lease: lease.id } }],
        [{ kind: 'put', item: { key: `${prefix}k`, value: 'two', createRevision: first, modRevision: second, lease: null } }],
      ]);
    });

    it('goes from the past to the present without loss or repetition', async () => {
      const from = await put(store, `${prefix}0`, '');
      for (let index = 1; index < 20; index += 1) await put(store, `${prefix}${index}`, '');
      const taken = takeBatches(store, { prefix, fromRevision: from }, 60);
      for (let index = 20; index < 60; index += 1) await put(store, `${prefix}${index}`, '');
      expect(describeBatches(await taken, prefix)).toEqual(Array.from({ length: 60 }, (_, index) => `+${index}=`));
    });

    it('puts all changes of a transaction into one batch, also large ones', async () => {
      const start = (await store.get(`${prefix}k`)).revision + 1;
      const value = 'x'.repeat(10_000);
      const revisions: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const { revision } = await store.transaction({ compare: [], operations: Array.from({ length: 120 }, (_, index) => ({ kind: 'put', key: `${prefix}${index}`, value })) });
        revisions.push(revision);
      }
      const expected = revisions.map((revision) => ({ revision, changes: 120 }));
      expect((await takeBatches(store, { prefix, fromRevision: start }, 3)).map((batch) => ({ revision: batch.revision, changes: batch.changes.length }))).toEqual(expected);
    });

    it('leaves out changes outside its prefix', async () => {
      const start = (await store.get(`${prefix}k`)).revision + 1;
      const taken = takeBatches(store, { prefix: `${prefix}in/`, fromRevision: start }, 2);
      await store.transaction({
        compare: [],
        operations: [
          { kind: 'put', key: `${prefix}in/a`, value: '1' },
          { kind: 'put', key: `${prefix}in`, value: 'x' },
          { kind: 'put', key: `${prefix}in0`, value: 'x' },
          { kind: 'put', key: `${prefix}out/a`, value: 'x' },
        ],
      });
      await put(store, `${prefix}out/b`, 'x');
      await remove(store, `${prefix}in`);
      await remove(store, `${prefix}in/a`);
      expect(describeBatches(await taken, `${prefix}in/`)).toEqual(['+a=1', '-a']);
    });

    it('waits for a revision in the future', async () => {
      const now = (await store.get(`${prefix}k`)).revision;
      const taken = takeBatches(store, { prefix, fromRevision: now + 3 }, 1);
      for (let index = 1; index <= 4; index += 1) await put(store, `${prefix}k`, String(index));
      expect((await taken)[0]?.revision).toBe(now + 3);
    });

    it('delivers deletions by prefix key by key', async () => {
      await store.transaction({ compare: [], operations: ['a', 'b', 'c'].map((name) => ({ kind: 'put', key: prefix + name, value: '' })) });
      const { revision } = await store.transaction({ compare: [], operations: [{ kind: 'delete-prefix', prefix }] });
      expect(describeBatches(await takeBatches(store, { prefix, fromRevision: revision }, 1), prefix)).toEqual(['-a -b -c']);
    });

    it('serves many at once', async () => {
      const start = (await store.get(`${prefix}k`)).revision + 1;
      const all = Array.from({ length: 20 }, (_, index) => takeBatches(store, { prefix: `${prefix}${index % 2}/`, fromRevision: start }, 2));
      await store.transaction({ compare: [], operations: ['0/a', '1/a'].map((name) => ({ kind: 'put', key: prefix + name, value: 'x' })) });
      await store.transaction({ compare: [], operations: ['0/a', '1/a'].map((name) => ({ kind: 'delete', key: prefix + name })) });
      for (const [index, batches] of (await Promise.all(all)).entries()) expect(describeBatches(batches, `${prefix}${index % 2}/`)).toEqual(['+a=x', '-a']);
    });

    it('a slow reader misses nothing', async () => {
      const count = 1_500;
      const from = (await store.get(`${prefix}k`)).revision + 1;
      const controller = new AbortController();
      const iterator = store.watch({ prefix, fromRevision: from }, { signal: controller.signal })[Symbol.asyncIterator]();
      const first = iterator.next();
      for (let index = 0; index < count; index += 100) {
        await Promise.all(Array.from({ length: 100 }, () => put(store, `${prefix}k`, 'x')));
      }
      const revisions: number[] = [];
      let step = await first;
      for (;;) {
        if (step.done === true) break;
        if (step.value.changes.length > 0) revisions.push(step.value.revision);
        if (revisions.length === count) break;
        step = await iterator.next();
      }
      controller.abort(new Error('done'));
      expect(revisions).toEqual(Array.from({ length: count }, (_, index) => from + index));
    });

    it('from a compacted revision fails, from the next one works', async () => {
      const one = await put(store, `${prefix}k`, '1');
      await put(store, `${prefix}k`, '2');
      const three = await put(store, `${prefix}k`, '3');
      await current().compact(three - 1);
      const error = await failureOf(takeBatches(store, { prefix, fromRevision: one }, 1));
      expect(isFleetError(error, 'STORE_COMPACTED')).toBe(true);
      expect(describeBatches(await takeBatches(store, { prefix, fromRevision: three }, 1), prefix)).toEqual(['+k=3']);
    });

    it('that follows live is not disturbed by compaction', async () => {
      const from = await put(store, `${prefix}k`, '1');
      const taken = takeBatches(store, { prefix, fromRevision: from }, 3);
      const two = await put(store, `${prefix}k`, '2');
      await takeBatches(store, { prefix, fromRevision: two }, 1);
      await current().compact(two - 1);
      await put(store, `${prefix}k`, '3');
      expect(describeBatches(await taken, prefix)).toEqual(['+k=1', '+k=2', '+k=3']);
    });

    it('ends with the reason of a signal aborted before', async () => {
      const reason = new Error('never mind');
      expect(await failureOf(collect(store.watch({ prefix, fromRevision: 1 }, { signal: AbortSignal.abort(reason) })))).toBe(reason);
    });

    it('ends with the reason of a signal aborted while waiting', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const from = await put(store, `${prefix}k`, '');
      const ended = failureOf(collect(store.watch({ prefix, fromRevision: from }, { signal: controller.signal })));
      await takeBatches(store, { prefix, fromRevision: from }, 1);
      controller.abort(reason);
      expect(await ended).toBe(reason);
    });

    it.each([{ seed: 1 }, { seed: 2 }, { seed: 3 }])('replayed over a listing gives the listing of any later revision (seed $seed)', async ({ seed }) => {
      const random = createRandom(seed);
      const keys = Array.from({ length: 12 }, (_, index) => `${prefix}${'abc'[index % 3] ?? ''}/${index}`);
      const listings = new Map<number, Map<string, string>>();
      const snapshot = async (revision?: number): Promise<[number, Map<string, string>]> => {
        const listing = await store.range({ prefix, revision });
        return [listing.revision, new Map(listing.items.map((item) => [item.key, `${item.value} ${item.createRevision} ${item.modRevision}`]))];
      };
      const [from, start] = await snapshot();
      for (let step = 0; step < 60; step += 1) {
        const chosen = keys.filter(() => random.next() < 0.2);
        const operations: Operation[] =
          random.next() < 0.1
            ? [{ kind: 'delete-prefix', prefix: `${prefix}b/` }]
            : chosen.map((key) => (random.next() < 0.6 ? { kind: 'put', key, value: String(step) } : { kind: 'delete', key }));
        await store.transaction({ compare: [], operations });
        if (step % 10 === 9) listings.set(...(await snapshot()));
      }
      const last = Math.max(...listings.keys());
      const state = start;
      const stop = new AbortController();
      for await (const batch of store.watch({ prefix, fromRevision: from + 1 }, { signal: stop.signal })) {
        for (const change of batch.changes) {
          if (change.kind === 'put') state.set(change.item.key, `${change.item.value} ${change.item.createRevision} ${change.item.modRevision}`);
          else expect(state.delete(change.key)).toBe(true);
        }
        const expected = listings.get(batch.revision);
        if (expected === undefined) continue;
        expect(new Map([...state].toSorted())).toEqual(new Map([...expected].toSorted()));
        expect((await snapshot(batch.revision))[1]).toEqual(expected);
        if (batch.revision === last) break;
      }
    });

    it('can be left with break, and the store goes on', async () => {
      const from = await put(store, `${prefix}k`, '1');
      for await (const _batch of store.watch({ prefix, fromRevision: from }, { signal: new AbortController().signal })) break;
      expect(await put(store, `${prefix}k`, '2')).toBe(from + 1);
    });

    it('fails when the store is closed', async () => {
      const ended = failureOf(collect(store.watch({ prefix, fromRevision: (await put(store, `${prefix}k`, '')) + 1 }, { signal: new AbortController().signal })));
      await store[Symbol.asyncDispose]();
      expect(isFleetError(await ended, 'STORE_UNAVAILABLE')).toBe(true);
    });
  });
}
