import { beforeEach, describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { silentLogger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { LeaseFence } from './lease-fence.ts';

const TTL_MS = 30_000;

let clock: FakeClock;
let endsAt: number | null;
let onLeaseLoss: 'keep' | 'stop';
let changes: string[];
let fence: LeaseFence;

/** As presence tells it. */
function lease(leftMs: number | null): void {
  endsAt = leftMs === null ? null : clock.monotonic() + leftMs;
  fence.update();
}

function reload(value: 'keep' | 'stop'): void {
  onLeaseLoss = value;
  fence.update();
}

beforeEach(() => {
  clock = new FakeClock();
  endsAt = null;
  onLeaseLoss = 'stop';
  changes = [];
  const from = clock.monotonic();
  fence = new LeaseFence({
    presence: { leaseEndsAt: () => endsAt },
    machine: 'm1' as MachineId,
    ttlMs: TTL_MS,
    clock,
    logger: silentLogger,
    onLeaseLoss: () => onLeaseLoss,
    onChange: () => changes.push(`${fence.closed ? 'closed' : 'open'} after ${clock.monotonic() - from} ms`),
  });
});

describe('LeaseFence', () => {
  const rows: readonly { readonly title: string; readonly story: () => Promise<void> | void; readonly changes: readonly string[] }[] = [
    {
      title: 'stays open while the lease is extended',
      story: async () => {
        for (let beat = 0; beat < 10; beat += 1) {
          lease(TTL_MS);
          await clock.advance(10_000);
        }
      },
      changes: [],
    },
    {
      title: 'closes once, a third of the TTL before the lease may end, and not again when it has',
      story: async () => {
        lease(TTL_MS);
        await clock.advance(30_000);
        fence.update();
        lease(null);
        await clock.advance(100_000);
      },
      changes: ['closed after 20000 ms'],
    },
    {
      title: 'opens with the next lease, and closes again',
      story: async () => {
        lease(TTL_MS);
        await clock.advance(25_000);
        lease(TTL_MS);
        await clock.advance(40_000);
      },
      changes: ['closed after 20000 ms', 'open after 25000 ms', 'closed after 45000 ms'],
    },
    {
      title: 'closes at once when the lease is found to have ended',
      story: async () => {
        lease(TTL_MS);
        await clock.advance(5000);
        lease(null);
      },
      changes: ['closed after 5000 ms'],
    },
    {
      title: 'closes at once for a lease that was extended long ago',
      story: async () => {
        lease(TTL_MS);
        await clock.advance(5000);
        lease(5000);
      },
      changes: ['closed after 5000 ms'],
    },
    {
      title: 'stays open without a lease ever',
      story: async () => {
        lease(null);
        await clock.advance(10 * TTL_MS);
        fence.update();
      },
      changes: [],
    },
    {
      title: 'stays open with keep',
      story: async () => {
        reload('keep');
        lease(TTL_MS);
        await clock.advance(10 * TTL_MS);
        lease(null);
      },
      changes: [],
    },
    {
      title: 'stays open when keep was set before the moment came, also without a word',
      story: async () => {
        lease(TTL_MS);
        await clock.advance(10_000);
        onLeaseLoss = 'keep';
        await clock.advance(TTL_MS);
      },
      changes: [],
    },
    {
      title: 'opens with keep while there is no lease',
      story: async () => {
        lease(TTL_MS);
        await clock.advance(TTL_MS);
        lease(null);
        reload('keep');
      },
      changes: ['closed after 20000 ms', 'open after 30000 ms'],
    },
    {
      title: 'closes with stop when the moment has passed already',
      story: async () => {
        reload('keep');
        lease(TTL_MS);
        await clock.advance(TTL_MS);
        reload('stop');
      },
      changes: ['closed after 30000 ms'],
    },
    {
      title: 'is set with stop while the lease is safe',
      story: async () => {
        reload('keep');
        lease(TTL_MS);
        await clock.advance(10_000);
        reload('stop');
        await clock.advance(TTL_MS);
      },
      changes: ['closed after 20000 ms'],
    },
    {
      title: 'does nothing once it is cancelled',
      story: async () => {
        lease(TTL_MS);
        fence.cancel();
        await clock.advance(TTL_MS);
      },
      changes: [],
    },
  ];
  it.each(rows)('$title', async ({ story, changes: expected }) => {
    await story();
    expect(changes).toEqual(expected);
  });
});
