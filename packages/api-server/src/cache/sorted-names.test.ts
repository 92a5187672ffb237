import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareBytes, SortedNames } from './sorted-names.ts';

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

describe('SortedNames', () => {
  it('orders like the bytes of UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('is the same as sorting anew, whatever comes and goes', () => {
    const step = fc.tuple(fc.boolean(), fc.constantFrom(...LETTERS));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...LETTERS)), fc.array(step), (start, steps) => {
        const expected = new Set(start);
        const names = new SortedNames(expected);
        for (const [add, name] of steps) {
          if (add) {
            expected.add(name);
            names.add(name);
          } else {
            expected.delete(name);
            names.delete(name);
          }
        }
        expect(names.all).toEqual([...expected].sort());
        expect(LETTERS.map((name) => names.all.slice(names.after(name)).join(''))).toEqual(LETTERS.map((name) => [...expected].filter((other) => other > name).sort().join('')));
      }),
      { numRuns: 50 },
    );
  });
});
