import { describe, expect, it } from '@jest/globals';
import { runComponents, shutdownReason, type Component } from './component.ts';

const untilAborted = (name: string, log: string[]): Component => ({
  name,
  run: (signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        log.push(`${name} ended`);
        reject(signal.reason as Error);
      });
    }),
});

describe('runComponents', () => {
  it('ends all and reports nothing when its signal aborts', async () => {
    const log: string[] = [];
    const controller = new AbortController();
    const running = runComponents([untilAborted('a', log), untilAborted('b', log)], controller.signal);
    controller.abort(shutdownReason);
    await running;
    expect(log).toEqual(['a ended', 'b ended']);
  });

  it.each([
    { name: 'a failure', run: () => Promise.reject(new Error('broken')), message: 'broken' },
    { name: 'an early end', run: () => Promise.resolve(), message: 'component odd ended early' },
  ])('$name of one ends the others and is thrown', async ({ run, message }) => {
    const log: string[] = [];
    await expect(runComponents([untilAborted('a', log), { name: 'odd', run }], new AbortController().signal)).rejects.toThrow(message);
    expect(log).toEqual(['a ended']);
  });
});
