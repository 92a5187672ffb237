import { describe, expect, it } from '@jest/globals';

import { compileGlob, matchGlob } from './glob.ts';

describe('patterns, beyond the recorded ones', () => {
  it.each([
    ['the first place that fits is taken, as in Go', '*[^x]*b', 'a/b', false],
    ['a star skips bytes, not characters', '*[^é]b', 'éb', true],
    ['a star at the end stops at a slash', 'a*', 'ab/c', false],
    ['a class takes a slash', 'a[^b]c', 'a/c', true],
    ['ranges that overlap', '[a-fc-h]', 'g', true],
    ['a range backwards beside another', '[z-ab]', 'b', true],
    ['a negated empty range', '[^z-a]', 'q', true],
    ['an escaped star', 'a\\*b', 'a*b', true],
    ['an escaped star is no star', 'a\\*b', 'axb', false],
    ['four-byte characters', '?[🐳-🐵]', 'a🐴', true],
  ])('%s: %j on %j', (_title, pattern, name, match) => {
    expect(matchGlob(pattern, name)).toBe(match);
  });

  it.each([
    ['web@*.service', { malformed: false, literalPrefix: 'web@', isLiteral: false }],
    ['web.service', { malformed: false, literalPrefix: 'web.service', isLiteral: true }],
    ['web\\*', { malformed: false, literalPrefix: 'web*', isLiteral: true }],
    ['*', { malformed: false, literalPrefix: '', isLiteral: false }],
    ['é[a]', { malformed: false, literalPrefix: 'é', isLiteral: false }],
    ['', { malformed: false, literalPrefix: '', isLiteral: true }],
    ['web[', { malformed: true, literalPrefix: '', isLiteral: false }],
  ])('%j is known before it is tested', (pattern, expected) => {
    expect(compileGlob(pattern)).toMatchObject(expected);
  });
});
