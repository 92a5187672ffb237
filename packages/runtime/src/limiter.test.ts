import { describe, expect, it } from '@jest/globals';
import { createLimiter } from './limiter.ts';

describe('createLimiter', () => {
  it('runs no more at a time than allowed, in order, and frees the place of work that failed', async () => {
    const limit = createLimiter(2);
    const events: string[] = [];
    const gates = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
    const work = (name: string) => async (): Promise<string> => {
      events.push(`start ${name}`);
      await new Promise<void>((resolve, reject) => gates.set(name, { resolve, reject }));
      return name;
    };
    const first = limit(work('a'));
    const second = limit(work('b'));
    const third = limit(work('c'));
    await new Promise(setImmediate);
    expect(events).toEqual(['start a', 'start b']);
    gates.get('a')?.reject(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    await new Promise(setImmediate);
    expect(events).toEqual(['start a', 'start b', 'start c']);
    gates.get('b')?.resolve();
    gates.get('c')?.resolve();
    await expect(Promise.all([second, third])).resolves.toEqual(['b', 'c']);
  });

  it('drops work whose signal aborts while it waits, without losing a place', async () => {
    const limit = createLimiter(1);
    let finish = (): void => undefined;
    const running = limit(() => new Promise<void>((resolve) => (finish = resolve)));
    const controller = new AbortController();
    const dropped = limit(() => Promise.resolve('never'), controller.signal);
    const after = limit(() => Promise.resolve('after'));
    await new Promise(setImmediate);
    controller.abort(new Error('enough'));
    await expect(dropped).rejects.toThrow('enough');
    finish();
    await running;
    await expect(after).resolves.toBe('after');
    await expect(limit(() => Promise.resolve('late'), controller.signal)).rejects.toThrow('enough');
  });
});
