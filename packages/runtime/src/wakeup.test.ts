import { describe, expect, it } from '@jest/globals';
import { Wakeup } from './wakeup.ts';

describe('Wakeup', () => {
  it('remembers one wake-up, however often it was woken', async () => {
    const wakeup = new Wakeup();
    const controller = new AbortController();
    wakeup.wake();
    wakeup.wake();
    await wakeup.wait(controller.signal);
    let woken = false;
    const second = wakeup.wait(controller.signal).then(() => {
      woken = true;
    });
    await Promise.resolve();
    expect(woken).toBe(false);
    wakeup.wake();
    await second;
    expect(woken).toBe(true);
  });

  it('rejects with the reason of the signal', async () => {
    const controller = new AbortController();
    const waiting = new Wakeup().wait(controller.signal);
    controller.abort(new Error('over'));
    await expect(waiting).rejects.toThrow('over');
  });
});
