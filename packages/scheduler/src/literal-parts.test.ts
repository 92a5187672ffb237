import { describe, expect, it } from '@jest/globals';
import { literalParts } from './literal-parts.ts';

describe('literalParts', () => {
  it.each([
    ['nothing but text', 'web@1.service', ['web@1.service']],
    ['a star between', 'web@*.service', ['web@', '.service']],
    ['wildcards at both ends', '*-12?', ['', '-12', '']],
    ['a class, its bracket escaped', 'a[x\\]y]b', ['a', 'b']],
    ['an escape', 'a\\*b', ['a', 'b']],
    ['more than ASCII', 'é-1', ['', '-1']],
  ])('%s', (_name, pattern, parts) => expect(literalParts(pattern)).toEqual(parts));
});
