import { describe, expect, it } from '@jest/globals';
import { createRandom } from './random.ts';

describe('createRandom', () => {
  it('gives the same for the same seed, and everything in between', () => {
    const draw = (seed: number): readonly number[] => Array.from({ length: 200 }, ((random) => () => random.between(1, 6))(createRandom(seed)));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect([...new Set(draw(7))].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('chooses by weight', () => {
    const random = createRandom(1);
    const items = [{ name: 'often', weight: 9 }, { name: 'never', weight: 0 }, { name: 'seldom', weight: 1 }];
    const drawn = Array.from({ length: 1000 }, () => random.pickWeighted(items).name);
    expect(drawn.filter((name) => name === 'never').length).toBe(0);
    expect(drawn.filter((name) => name === 'often').length).toBeGreaterThan(800);
  });
});
