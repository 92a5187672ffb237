import { describe, expect, it } from '@jest/globals';
import { withDeadline } from './deadline.ts';
import { FakeClock } from './testing/fake-clock.ts';

describe('withDeadline', () => {
  const setUp = () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const untilAborted = ({ signal }: { readonly signal: AbortSignal }): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    return { clock, controller, untilAborted, options: { ms: 100, clock, signal: controller.signal, reason: () => new Error('too late') } };
  };

  it('gives what the call gives, and leaves nothing behind', async () => {
    const { clock, options } = setUp();
    expect(await withDeadline(options, () => Promise.resolve(7))).toBe(7);
    expect(clock.pending).toBe(0);
  });

  it('aborts the call when the time is over', async () => {
    const { clock, options, untilAborted } = setUp();
    const call = withDeadline(options, untilAborted);
    const failed = expect(call).rejects.toThrow('too late');
    await clock.advance(100);
    await failed;
  });

  it('aborts the call with the signal', async () => {
    const { clock, controller, options, untilAborted } = setUp();
    const call = withDeadline(options, untilAborted);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });

  it('makes no call when the signal has aborted before', async () => {
    const { controller, options } = setUp();
    controller.abort(new Error('enough'));
    let called = false;
    await expect(withDeadline(options, () => Promise.resolve((called = true)))).rejects.toThrow('enough');
    expect(called).toBe(false);
  });
});
