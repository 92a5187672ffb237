import { describe, expect, it } from '@jest/globals';

import { Batcher } from './batcher.ts';

describe('batches', () => {
  it('join what comes together and what comes while one is out', async () => {
    const calls: (readonly string[])[] = [];
    let release: () => void = () => undefined;
    const batcher = new Batcher(async (items) => {
      calls.push(items);
      if (calls.length === 1) await new Promise<void>((resolve) => (release = resolve));
    });
    const first = [batcher.add('a'), batcher.add('b')];
    await new Promise((resolve) => setImmediate(resolve));
    const second = [batcher.add('c'), batcher.add('d')];
    release();
    await Promise.all([...first, ...second]);
    expect(calls).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    await batcher.add('e');
    expect(calls.at(-1)).toEqual(['e']);
  });

  it('give each item its own outcome when one of them fails', async () => {
    const calls: (readonly string[])[] = [];
    const batcher = new Batcher(async (items) => {
      calls.push(items);
      if (items.includes('bad')) throw new Error(`refused ${items.join(' ')}`);
    });
    const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((item) => batcher.add(item)));
    expect(outcomes.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : 'ok'))).toEqual(['ok', 'refused bad', 'ok']);
    expect(calls).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });
});
