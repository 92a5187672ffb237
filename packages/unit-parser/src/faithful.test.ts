import { describe, expect, it } from '@jest/globals';

import { findUnfaithfulOption, optionFault } from './faithful.ts';

describe('optionFault: an option by itself', () => {
  it.each<[string, [string, string, string], string | null]>([
    ['plain', ['Service', 'ExecStart', '/bin/true'], null],
    ['empty', ['Service', 'ExecStart', ''], null],
    ['folded', ['Service', 'ExecStart', '/bin/a \\\n  b'], null],
    ['cut off after a backslash', ['Service', 'ExecStart', '/bin/a \\\n'], null],
    ['bracket in the section', ['A]B', 'C', '1'], 'the section name contains "]"'],
    ['bytes that are not UTF-8', ['A', 'C', 'caf\udce9'], 'the text is not valid UTF-8'],
    ['equals sign in the name', ['A', 'C=D', '1'], 'the name contains "="'],
    ['line end in the name', ['A', 'C\nD', '1'], 'the name contains a line end'],
    ['blank before the name', ['A', ' C', '1'], 'the name begins or ends with a blank'],
    ['name of a comment', ['A', ';C', '1'], 'the name begins with ";"'],
    ['line smuggled in', ['A', 'C', '1\nUser=root'], 'the value has a line end that no "\\" comes before'],
    ['blank after the value', ['A', 'C', '1 '], 'the value begins or ends with a blank'],
    ['blank last line', ['A', 'C', '1\\\n \u3000'], 'the value ends in a blank line'],
  ])('%s', (_title, [section, name, value], fault) => {
    expect(optionFault({ section, name, value })).toBe(fault);
  });
});

describe('findUnfaithfulOption: an option among others', () => {
  it.each<[string, [string, string, string][], number | null, string]>([
    ['nothing wrong', [['A', 'B', '1'], ['C', 'D', '2'], ['A', 'E', '3']], null, ''],
    ['the first of two', [['A', 'B', '1'], ['A', '#C', '2'], ['A', ' D', '3']], 1, 'option "#C" of section [A]: the name begins with "#"'],
    ['swallows the next option', [['A', 'B', '1\\'], ['A', 'C', '2']], 0, 'option "B" of section [A]: the value ends in "\\", so the next line would become part of it'],
    ['a backslash at the very end of the text', [['A', 'B', '1'], ['A', 'C', '2\\']], 1, 'option "C" of section [A]: the value ends in "\\", so the next line would become part of it'],
    ['a line over the limit', [['A', 'B', 'x'.repeat(5000)]], 0, 'option "B" of section [A]: the text would not read back the same (line too long (max 2048 bytes))'],
  ])('%s', (_title, triples, index, message) => {
    const found = findUnfaithfulOption(triples.map(([section, name, value]) => ({ section, name, value })));
    expect([found?.index ?? null, found?.message ?? '']).toEqual([index, message]);
  });
});
