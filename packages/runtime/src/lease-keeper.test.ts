import { describe, expect, it } from '@jest/globals';
import { FleetError } from './errors.ts';
import { keepLease } from './lease-keeper.ts';
import { FakeClock } from './testing/fake-clock.ts';

const unavailable = new FleetError('the store does not answer', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });
const ended = new FleetError('lease 1 has ended', { code: 'LEASE_NOT_FOUND', kind: 'not-found' });

function setUp(answer: (signal: AbortSignal) => Promise<{ ttlMs: number }>) {
  const clock = new FakeClock();
  const controller = new AbortController();
  const sent: number[] = [];
  const ends: number[] = [];
  const failures: unknown[] = [];
  const done = keepLease({
    keepAlive: ({ signal }) => {
      sent.push(clock.monotonic());
      return answer(signal);
    },
    ttlMs: 3000,
    extendedAt: 0,
    clock,
    signal: controller.signal,
    onExtended: (endsAtMs) => ends.push(endsAtMs),
    onFailure: (error) => failures.push(error),
  });
  return { clock, controller, sent, ends, failures, done };
}

describe('keepLease', () => {
  it('extends once a third of the TTL and counts the end from the sending', async () => {
    const { clock, controller, sent, ends, done } = setUp(() => Promise.resolve({ ttlMs: 3000 }));
    await clock.advance(3000);
    expect(sent).toEqual([1000, 2000, 3000]);
    expect(ends).toEqual([3000, 4000, 5000, 6000]);
    controller.abort(new Error('over'));
    await expect(done).rejects.toThrow('over');
    expect(clock.pending).toBe(0);
  });

  it('goes on trying after failures, also past the end, and is back with the next answer', async () => {
    let away = true;
    const { clock, controller, failures, ends, done } = setUp(() => (away ? Promise.reject(unavailable) : Promise.resolve({ ttlMs: 3000 })));
    await clock.advance(10_000);
    expect(failures.length).toBeGreaterThan(30);
    expect(ends).toEqual([3000]);
    away = false;
    // A twelfth of the TTL: a store that is back shortly before the lease ends is in time.
    await clock.advance(250);
    expect(ends).toHaveLength(2);
    controller.abort();
    await expect(done).rejects.toThrow();
  });

  it('asks again when an answer is lost, before the lease can have ended', async () => {
    let lost = true;
    const { clock, controller, sent, ends, failures, done } = setUp((signal) => (lost ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))) : Promise.resolve({ ttlMs: 3000 })));
    await clock.advance(1500);
    lost = false;
    await clock.advance(700);
    expect(failures).toEqual([expect.objectContaining({ code: 'STORE_TIMEOUT' })]);
    expect(sent).toHaveLength(2);
    expect(ends).toEqual([3000, (sent[1] ?? 0) + 3000]);
    expect(sent[1]).toBeLessThan(2200);
    controller.abort(new Error('over'));
    await expect(done).rejects.toThrow('over');
    expect(clock.pending).toBe(0);
  });

  it('resolves when the store says that the lease has ended', async () => {
    const { clock, done } = setUp(() => Promise.reject(ended));
    await clock.advance(1000);
    await expect(done).resolves.toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('ends with the signal while a call hangs', async () => {
    const { clock, controller, done } = setUp(() => new Promise((_, reject) => setTimeout(() => reject(new Error('aborted inside')), 20)));
    await clock.advance(1000);
    controller.abort(new Error('stop'));
    await expect(done).rejects.toThrow('stop');
  });
});
