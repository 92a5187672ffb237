import { describe, expect, it } from '@jest/globals';
import { hashUnitFile, type UnitOption } from '@fleet/unit-parser';
import { admitName, admitOptions, admitTargetState, admitText } from './admission.ts';

const exec: UnitOption = { section: 'Service', name: 'ExecStart', value: '/bin/true' };

describe('admitOptions', () => {
  it('stores what a reader gets back: trimmed and grouped', () => {
    const admitted = admitOptions([{ section: 'Unit', name: 'Description', value: '  padded \t' }, exec, { section: 'Unit', name: 'After', value: 'b.service' }]);
    expect(admitted.text).toBe('[Unit]\nDescription=padded\nAfter=b.service\n\n[Service]\nExecStart=/bin/true\n');
    expect(admitted.global).toBe(false);
  });

  it('gives the hash of the original for a list that needs no change', () => {
    expect(admitOptions([exec]).hash).toBe(hashUnitFile([exec]));
  });

  it('knows a global unit', () => {
    expect(admitOptions([exec, { section: 'X-Fleet', name: 'Global', value: 'Yes' }]).global).toBe(true);
  });

  it('takes what the original takes: empty strings, and values over several lines', () => {
    expect(admitOptions([{ section: '', name: '', value: '' }]).text).toBe('[]\n=\n');
    expect(admitOptions([{ section: 'Service', name: 'ExecStart', value: '/bin/a \\\n  --b' }]).text).toContain('/bin/a \\\n  --b\n');
  });

  it.each<[string, Partial<UnitOption>, RegExp]>([
    ['a line in a value', { value: '/bin/a\nExecStop=/bin/evil' }, /line end/],
    ['a line that is no option', { value: '/bin/a\nrubbish' }, /^unexpected newline encountered while parsing option name$/],
    ['a section in a value', { value: '/bin/a\n[X-Fleet]\nGlobal=true' }, /line end|section|newline/],
    ['a line in a name', { name: 'A=b\nExecStop' }, /name contains/],
    ['an equals sign in a name', { name: 'A=b' }, /name contains "="/],
    ['a line in a section', { section: 'Service]\n[X-Fleet' }, /section name|section/],
    ['a comment as a name', { name: '#ExecStart' }, /begins with "#"/],
    ['a backslash at the end', { value: '/bin/a \\' }, /ends in/],
  ])('refuses %s', (_name, part, message) => {
    expect(() => admitOptions([{ ...exec, ...part }, { section: 'Service', name: 'Restart', value: 'no' }])).toThrow(message);
  });

  it('refuses more options and longer files than a unit can have', () => {
    expect(() => admitOptions(Array.from({ length: 10_001 }, () => exec))).toThrow(/more than 10000 options/);
    expect(() => admitOptions(Array.from({ length: 1_000 }, () => ({ ...exec, value: `/bin/${'x'.repeat(1_500)}` })))).toThrow(/larger than 1048576 bytes/);
  });
});

describe('admitText', () => {
  it('stores the normal form', () => {
    expect(admitText('# comment\n[Service]\nExecStart = /bin/true\n').text).toBe('[Service]\nExecStart=/bin/true\n');
  });
  it.each([
    ['nothing in it', '# only a comment\n', /no options/],
    ['garbage, with its line', '[Service]\nExecStart=/bin/true\nrubbish\n', /^line 3: /],
  ])('refuses a file with %s', (_name, text, message) => {
    expect(() => admitText(text)).toThrow(message);
  });
});

describe('admitName and admitTargetState', () => {
  it.each(['plain', 'a b.service', '@x.service', 'x@1.mount', `${'a'.repeat(250)}.service`])('refuses the name %s', (name) => {
    expect(() => admitName(name)).toThrow(expect.objectContaining({ code: 'UNIT_NAME_INVALID' }));
  });
  it('refuses unknown words and started templates', () => {
    expect(() => admitTargetState('a.service', 'running')).toThrow(expect.objectContaining({ code: 'DESIRED_STATE_INVALID' }));
    expect(() => admitTargetState('t@.service', 'launched')).toThrow('cannot activate template "t@.service"');
    expect(admitTargetState('t@.service', 'inactive')).toBe('inactive');
    expect(admitTargetState('t@1.service', 'launched')).toBe('launched');
  });
});
