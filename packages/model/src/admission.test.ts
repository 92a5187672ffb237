import { describe, expect, it } from '@jest/globals';

import { checkAdmission, checkTargetState, type TargetState } from './index.ts';

type Triple = [string, string, string];

describe('checkAdmission', () => {
  it.each<[string, string, Triple[], string | null]>([
    ['a plain unit', 'a.service', [['Service', 'ExecStart', '/bin/true']], null],
    ['a folded value', 'a.service', [['Service', 'ExecStart', '/bin/true \\\n  --all']], null],
    ['a bad name', 'a', [['Service', 'ExecStart', '/bin/true']], 'unit name must contain "."'],
    ['a bad name comes before bad options', 'a', [['Service', 'A', '1\nB']], 'unit name must contain "."'],
    ['text that cannot be read', 'a.service', [['Service', 'A', '1\nB']], 'unexpected newline encountered while parsing option name'],
    ['options that exclude each other', 'a.service', [['X-Fleet', 'Global', 'true'], ['X-Fleet', 'MachineOf', 'b.service']], 'Global cannot be used with Peers'],
    ['a combination comes before what does not read back', 'a.service', [['X-Fleet', 'Global', 'true'], ['X-Fleet', 'MachineID', ' x']], 'MachineID cannot be used with Global'],
    ['a line smuggled in', 'a.service', [['Service', 'A', '1\nUser=root']], 'option "A" of section [Service]: the value has a line end that no "\\" comes before'],
    ['an option that would vanish', 'a.service', [['Service', '#A', '1']], 'option "#A" of section [Service]: the name begins with "#"'],
    ['a requirement with specifiers is looked at as it is written', 'b@1.service', [['X-Fleet', 'MachineOf', '%p.service'], ['X-Fleet', 'Conflicts', 'b.service']], null],
  ])('%s', (_title, name, triples, message) => {
    const options = triples.map(([section, option, value]) => ({ section, name: option, value }));
    expect(checkAdmission(name, options)).toEqual(message === null ? { ok: true } : { ok: false, message });
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
