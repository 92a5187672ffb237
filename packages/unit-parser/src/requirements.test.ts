import { describe, expect, it } from '@jest/globals';

import { isGlobal, parseMetadataPair, readRequirements, splitQuotedList } from './requirements.ts';
import { substituteSpecifiers } from './specifiers.ts';
import { parseUnitName } from './unit-name.ts';

describe('splitQuotedList', () => {
  it.each([
    ['"a" "b"', ['a', 'b']],
    ['"a"  "b"', ['a', '', 'b']],
    ['"a"\t"b"', ['a\tb']],
    ['"a","b"', ['a,b']],
    ['"a""b"', ['ab']],
    ['"a" "', ['a', '']],
    ['""', ['']],
    ['"', ['']],
    ['"a" b', ['"a" b']],
    ["'a' 'b'", ["'a' 'b'"]],
    ['"x\\"y"', ['x\\y']],
    ['"a" \\\n  "b"', ['a', '\\\n', '', 'b']],
    ['"a" \\\n"b"', ['a', '\\\nb']],
    ['"role=web server"', ['role=web server']],
    ['', ['']],
  ])('%j', (value, elements) => {
    expect(splitQuotedList(value)).toEqual(elements);
  });
});

describe('parseMetadataPair', () => {
  it.each([
    ['a=b', { key: 'a', value: 'b' }],
    ['a = b', { key: 'a ', value: ' b' }],
    ['a=b=c', null],
    ['a=', null],
    ['=b', null],
    ['a', null],
    ['', null],
  ])('%j', (element, pair) => {
    expect(parseMetadataPair(element)).toEqual(pair);
  });
});

describe('specifiers', () => {
  it.each([
    ['%n %N %p %i', 'web@1.service web@1 web 1'],
    ['%%n', '%web@1.service'],
    ['%x %', '%x %'],
    ['$& $1', '$& $1'],
  ])('%s', (value, filled) => {
    expect(substituteSpecifiers(value, parseUnitName('web@1.service')!)).toBe(filled);
  });

  it('take a name that looks like a replacement as it is', () => {
    expect(substituteSpecifiers('%i', parseUnitName("web@$&$'.service")!)).toBe("$&$'");
  });
});

describe('readRequirements', () => {
  const option = (name: string, value: string, section = 'X-Fleet'): { section: string; name: string; value: string } => ({ section, name, value });

  it('reads each option by its own rule', () => {
    const options = [
      option('MachineMetadata', '"a=1" "b=2"'),
      option('Conflicts', 'x@*.service\ty.service'),
      option('X-Conflicts', 'old.service'),
      option('MachineOf', '%p.service'),
      option('MachineMetadata', 'a=3'),
      option('Global', 'TRUE'),
      option('Replaces', 'r.service s.service'),
      option('MachineID', '"first" "second"'),
      option('X-ConditionMachineID', 'old'),
      option('MachineOf', 'no.service', 'x-fleet'),
    ];
    expect(readRequirements(options, 'web@1.service')).toEqual({
      machineId: 'first',
      machineOf: ['web.service'],
      conflicts: ['old.service', 'x@*.service', 'y.service'],
      replaces: ['r.service s.service'],
      metadata: new Map([
        ['a', new Set(['1', '3'])],
        ['b', new Set(['2'])],
      ]),
      global: true,
    });
    expect(readRequirements(options).machineOf).toEqual(['%p.service']);
    expect(readRequirements(options, 'nodot').machineOf).toEqual(['%p.service']);
  });

  it('asks for nothing without a section', () => {
    expect(readRequirements([option('Global', 'true', 'Unit')], 'a.service')).toEqual({
      machineId: null,
      machineOf: [],
      conflicts: [],
      replaces: [],
      metadata: new Map(),
      global: false,
    });
  });

  it.each([
    [['true'], true],
    [['On'], true],
    [['y'], false],
    [['true', 'false'], false],
    [['false', '"no" "T"'], true],
    [[''], false],
    [[], false],
  ])('Global %j', (values, expected) => {
    const options = values.map((value) => option('Global', value));
    expect(isGlobal(options)).toBe(expected);
    expect(readRequirements(options).global).toBe(expected);
  });
});
