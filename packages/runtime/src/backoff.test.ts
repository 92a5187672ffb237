import { describe, expect, it } from '@jest/globals';
import { backoffDelayMs, retryWithBackoff } from './backoff.ts';
import { FakeClock } from './testing/index.ts';

describe('backoffDelayMs', () => {
  it.each([
    { attempt: 0, random: 1, expected: 100 },
    { attempt: 3, random: 1, expected: 800 },
    { attempt: 3, random: 0, expected: 640 },
    { attempt: 500, random: 1, expected: 5_000 },
  ])('attempt $attempt with randomness $random waits $expected ms', ({ attempt, random, expected }) => {
    expect(backoffDelayMs(attempt, { initialMs: 100, maxMs: 5_000, random: () => random })).toBe(expected);
  });
});

describe('retryWithBackoff', () => {
  it('tries again after growing delays and returns the first success', async () => {
    const clock = new FakeClock();
    const times: number[] = [];
    const result = retryWithBackoff(
      () => {
        times.push(clock.monotonic());
        return times.length < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve('done');
      },
      { clock, signal: new AbortController().signal, initialMs: 100, maxMs: 1_000, jitter: 0 },
    );
    await clock.advance(1_000);
    expect(await result).toBe('done');
    expect(times).toEqual([0, 100, 300]);
  });

  it('gives up at once on a failure that is not retryable', async () => {
    const failure = new Error('bad request');
    const options = { clock: new FakeClock(), signal: new AbortController().signal, initialMs: 1, maxMs: 1, retryable: () => false };
    await expect(retryWithBackoff(() => Promise.reject(failure), options)).rejects.toBe(failure);
  });

  it('ends with the reason of the signal while waiting', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const result = retryWithBackoff(() => Promise.reject(new Error('down')), { clock, signal: controller.signal, initialMs: 100, maxMs: 100 });
    const outcome = expect(result).rejects.toThrow('stop now');
    await clock.advance(10);
    controller.abort(new Error('stop now'));
    await outcome;
    expect(clock.pending).toBe(0);
  });
});
