import { describe, expect, it } from '@jest/globals';

import { checkOptions, checkTargetState, type TargetState } from './index.ts';

type Triple = [string, string, string];

describe('checkOptions', () => {
  it.each<[string, Triple[], string | null]>([
    ['a plain unit', [['Service', 'ExecStart', '/bin/true']], null],
    ['a folded value', [['Service', 'ExecStart', '/bin/true \\\n  --all']], null],
    ['text that cannot be read', [['Service', 'A', '1\nB']], 'unexpected newline encountered while parsing option name'],
    ['options that exclude each other', [['X-Fleet', 'Global', 'true'], ['X-Fleet', 'MachineOf', 'b.service']], 'Global cannot be used with Peers'],
    ['a combination comes before what does not read back', [['X-Fleet', 'Global', 'true'], ['X-Fleet', 'MachineID', ' x']], 'MachineID cannot be used with Global'],
    ['a line smuggled in', [['Service', 'A', '1\nUser=root']], 'option "A" of section [Service]: the value has a line end that no "\\" comes before'],
    ['an option that would vanish', [['Service', '#A', '1']], 'option "#A" of section [Service]: the name begins with "#"'],
    ['a requirement with specifiers is looked at as it is written', [['X-Fleet', 'MachineOf', '%p.service'], ['X-Fleet', 'Conflicts', 'b.service']], null],
  ])('%s', (_title, triples, message) => {
    const options = triples.map(([section, option, value]) => ({ section, name: option, value }));
    expect(checkOptions(options)).toEqual(message === null ? { ok: true, options } : { ok: false, message });
  });

  it('gives the options as they will be read, without the blanks around values', () => {
    const padded = { section: 'Unit', name: 'Description', value: ' \t a  b \u0085' };
    expect(checkOptions([padded])).toEqual({ ok: true, options: [{ ...padded, value: 'a  b' }] });
  });
});

describe('checkTargetState', () => {
  it.each<[string, TargetState, boolean]>([
    ['a.service', 'launched', true],
    ['a@1.service', 'loaded', true],
    ['a@.service', 'inactive', true],
    ['a@.service', 'loaded', false],
    ['a@.service', 'launched', false],
  ])('%s may be %s: %s', (name, targetState, ok) => {
    expect(checkTargetState(name, targetState)).toEqual(ok ? { ok } : { ok, message: 'cannot activate template "a@.service"' });
  });
});
