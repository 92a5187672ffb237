import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { compileGlob } from './glob.ts';
import { checkPattern } from './pattern-check.ts';
import { checkUnitName, UNIT_TYPES } from './unit-name.ts';

describe('checkPattern', () => {
  it.each([
    ['[a', 'malformed-pattern', 'not closed'],
    ['[]', 'malformed-pattern', 'empty class'],
    ['a\\', 'malformed-pattern', 'ends in a backslash'],
    ['\\', 'malformed-pattern', 'folded line'],
    ['', 'pattern-matches-nothing', 'an empty pattern'],
    ['a b', 'pattern-matches-nothing', 'a blank'],
    ['a*,b*', 'pattern-matches-nothing', 'a comma'],
    ['a/*', 'pattern-matches-nothing', '"/"'],
    ['é*', 'pattern-matches-nothing', 'beyond ASCII'],
    ['[z-a]*', 'pattern-matches-nothing', 'a class'],
    ['web', 'pattern-matches-nothing', 'must contain "."'],
    ['web*.servic', 'pattern-matches-nothing', 'ends in ".servic"'],
    ['web@*.mount', 'pattern-matches-nothing', 'ends in ".mount"'],
    ['*x', 'pattern-matches-nothing', 'ends in "x"'],
  ])('%j: %s', (pattern, code, message) => {
    const fault = checkPattern(pattern);
    expect(fault?.code).toBe(code);
    expect(fault?.message).toContain(message);
  });

  it.each(['*', 'web*', 'web@*', '*.service', '*vice', 'web[0-9].timer', 'a?b.socket', 'web\\@1.service', '*.mount', 'a.service', '[^a]*.s[eo]*', '*.'])('%j may match', (pattern) => {
    if (pattern === '*.') expect(checkPattern(pattern)?.code).toBe('pattern-matches-nothing');
    else expect(checkPattern(pattern)).toBeNull();
  });

  it('never says so of a pattern that matches a unit name', () => {
    const part = fc.constantFrom(...Array.from('ab@.-:\\*?[]^'), ...UNIT_TYPES, '.service', '.timer', '[a-z]', '[^b]', '\\@');
    const name = fc.tuple(fc.string({ unit: fc.constantFrom(...Array.from('ab@.-:')) }), fc.constantFrom(...UNIT_TYPES)).map(([stem, type]) => `${stem}.${type}`);
    fc.assert(
      fc.property(fc.array(part).map((parts) => parts.join('')), fc.array(name), (pattern, list) => {
        const valid = list.filter((one) => checkUnitName(one) === null);
        if (valid.some((one) => compileGlob(pattern).test(one))) expect(checkPattern(pattern)).toBeNull();
      }),
      { numRuns: 2000 },
    );
  });
});
