import { beforeEach, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import type { Store } from '../store.ts';
import type { ContractContext, StoreUnderTest } from './store-contract.ts';
import { describeBatches, failureOf, put, remove, takeBatches } from './contract-support.ts';

const UNKNOWN_LEASE = '4611686018427387';

export function describeLeases({ current }: ContractContext): void {
  describe('leases', () => {
    let under: StoreUnderTest;
    let store: Store;
    let prefix: string;
    beforeEach(() => {
      under = current();
      ({ store, prefix } = under);
    });
    const keys = async (): Promise<string[]> => (await store.range({ prefix })).items.map((item) => item.key.slice(prefix.length));

    it('are different and tell their TTL', async () => {
      const first = await store.grantLease(60_000);
      const second = await store.grantLease(60_000);
      expect(first.ttlMs).toBe(60_000);
      expect(first.id).not.toBe(second.id);
    });

    it('show at the keys bound to them, until a write without one', async () => {
      const { id } = await store.grantLease(60_000);
      await put(store, `${prefix}k`, '', id);
      expect((await store.get(`${prefix}k`)).item?.lease).toBe(id);
      await put(store, `${prefix}k`, '');
      expect((await store.get(`${prefix}k`)).item?.lease).toBeNull();
      await store.revokeLease(id);
      expect(await keys()).toEqual(['k']);
    });

    it('revoked, take their keys along at one revision', async () => {
      const { id } = await store.grantLease(60_000);
      const other = await store.grantLease(60_000);
      await put(store, `${prefix}a`, '', id);
      await put(store, `${prefix}b`, '', id);
      await put(store, `${prefix}free`, '');
      const last = await put(store, `${prefix}other`, '', other.id);
      await store.revokeLease(id);
      expect(await keys()).toEqual(['free', 'other']);
      const [batch] = await takeBatches(store, { prefix, fromRevision: last + 1 }, 1);
      expect(describeBatches(batch === undefined ? [] : [batch], prefix).map((line) => line.split(' ').sort().join(' '))).toEqual(['-a -b']);
    });

    it('revoked twice or unknown, do no harm', async () => {
      const { id } = await store.grantLease(60_000);
      await store.revokeLease(id);
      await expect(store.revokeLease(id)).resolves.toBeUndefined();
      await expect(store.revokeLease(UNKNOWN_LEASE)).resolves.toBeUndefined();
    });

    it.each([
      { name: 'unknown', make: async (): Promise<string> => UNKNOWN_LEASE },
      {
        name: 'revoked',
        make: async (): Promise<string> => {
          const { id } = await store.grantLease(60_000);
          await store.revokeLease(id);
          return id;
        },
      },
    ])('$name, cannot be extended or written under', async ({ make }) => {
      const id = await make();
      expect(isFleetError(await failureOf(store.keepAlive(id)), 'LEASE_NOT_FOUND')).toBe(true);
      expect(await store.readLease(id)).toBeNull();
      expect(isFleetError(await failureOf(put(store, `${prefix}k`, '', id)), 'LEASE_NOT_FOUND')).toBe(true);
    });

    it('end by themselves, with their keys, and each key once', async () => {
      const { id } = await store.grantLease(under.shortTtlMs);
      const from = await put(store, `${prefix}a`, '', id);
      await put(store, `${prefix}b`, '', id);
      await put(store, `${prefix}stays`, '');
      const batches = takeBatches(store, { prefix, fromRevision: from + 3 }, 1, 15_000);
      await under.passTime(under.shortTtlMs + 10);
      const lines = describeBatches(await batches, prefix).map((line) => line.split(' ').sort().join(' '));
      expect(lines).toEqual(['-a -b']);
      expect(await keys()).toEqual(['stays']);
      expect(isFleetError(await failureOf(store.keepAlive(id)), 'LEASE_NOT_FOUND')).toBe(true);
    });

    it('live on while they are extended', async () => {
      const { id } = await store.grantLease(under.shortTtlMs);
      await put(store, `${prefix}k`, '', id);
      for (let round = 0; round < 4; round += 1) {
        await under.passTime(under.shortTtlMs / 2);
        const { ttlMs } = await store.keepAlive(id);
        expect(ttlMs).toBeGreaterThanOrEqual(under.shortTtlMs);
      }
      expect(await keys()).toEqual(['k']);
    });

    it('tell how long they last, which extends nothing', async () => {
      const { id } = await store.grantLease(60_000);
      expect(await store.readLease(id)).toEqual({ ttlMs: 60_000, leftMs: expect.any(Number) });
      const short = await store.grantLease(under.shortTtlMs);
      const before = await store.readLease(short.id);
      expect(before?.leftMs).toBeLessThanOrEqual(short.ttlMs);
      expect(before?.leftMs).toBeGreaterThan(0);
      await put(store, `${prefix}k`, '', short.id);
      await under.passTime(under.shortTtlMs + 10);
      await waitUntil('the lease to end', async () => (await keys()).length === 0, { deadlineMs: 15_000 });
      expect(await store.readLease(short.id)).toBeNull();
      const left = (await store.readLease(id))?.leftMs ?? 0;
      expect(left).toBeLessThan(60_000);
      expect(left).toBeGreaterThan(40_000);
    });

    it('do not take a key that was written anew without them', async () => {
      const { id } = await store.grantLease(under.shortTtlMs);
      await put(store, `${prefix}mark`, '', id);
      await put(store, `${prefix}k`, '', id);
      await remove(store, `${prefix}k`);
      await put(store, `${prefix}k`, 'free');
      await under.passTime(under.shortTtlMs + 10);
      await waitUntil('the lease to end', async () => !(await keys()).includes('mark'), { deadlineMs: 15_000 });
      expect(await keys()).toEqual(['k']);
    });

    it('move with the key to another lease', async () => {
      const first = await store.grantLease(60_000);
      const second = await store.grantLease(60_000);
      await put(store, `${prefix}k`, '', first.id);
      await put(store, `${prefix}k`, '', second.id);
      await store.revokeLease(first.id);
      expect(await keys()).toEqual(['k']);
      await store.revokeLease(second.id);
      expect(await keys()).toEqual([]);
    });

    it.each([{ ttlMs: 0 }, { ttlMs: -1 }, { ttlMs: Number.NaN }])('of $ttlMs ms are refused', async ({ ttlMs }) => {
      expect(isFleetError(await failureOf(store.grantLease(ttlMs)), 'STORE_REQUEST_INVALID')).toBe(true);
    });
  });
}
