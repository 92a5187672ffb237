import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import {
  checkRequirementCombinations,
  checkRequirementNames,
  checkUnitName,
  compileGlob,
  encodeText,
  findUnfaithfulOption,
  formatUnitFile,
  groupBySection,
  hashUnitFile,
  isRecognizedUnitType,
  matchGlob,
  parseUnitFile,
  parseUnitName,
  rawRequirements,
  readRequirements,
  sameOptions,
  substituteSpecifiers,
  unitDescription,
  unitNameFromArgument,
  verifyUnitFile,
  type UnitOption,
} from './index.ts';

type Triple = [string, string, string];

interface UnitCase {
  name: string;
  text: string | null;
  textBase64?: string;
  note?: string;
  tags: string[];
  ok: boolean;
  error: string | null;
  options: Triple[];
  optionsBase64?: Triple[];
  hash: string | null;
  serialized: string | null;
  serializedBase64?: string;
  requirements: Record<string, unknown>;
  validRequirements: string | null;
  validRequirementsAny?: string[];
  validOptions: string | null;
  validOptionsAny?: string[];
  validName: string | null;
  nameInfo: unknown;
  recognizedType: boolean;
  description: string;
  reparsedHash: string | null;
  reparsedError?: string | null;
  reparsedOptions?: Triple[];
}

function readCases<T>(file: string): T[] {
  const text = readFileSync(new URL(`../testdata/${file}`, import.meta.url), 'utf8');
  return text.trimEnd().split('\n').map((line) => JSON.parse(line) as T);
}

const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');
const triple = (option: UnitOption): Triple => [option.section, option.name, option.value];
const shown = (options: readonly UnitOption[]): string[][] => options.map((option) => triple(option).map(wellFormed));
const base64 = (text: string): string => Buffer.from(encodeText(text)).toString('base64');
const textOf = (one: UnitCase): string | Buffer => one.text ?? Buffer.from(one.textBase64 ?? '', 'base64');

function requirementsOf(options: readonly UnitOption[], name: string): unknown {
  const info = parseUnitName(name);
  const fill = (value: string): string => (info === null ? value : substituteSpecifiers(value, info));
  const { machineId, machineOf, conflicts, replaces, metadata, global } = readRequirements(options, name);
  return {
    raw: Object.fromEntries([...rawRequirements(options)].map(([option, values]) => [option, values.map(fill)])),
    machineID: machineId,
    machineOf,
    conflicts,
    replaces,
    metadata: Object.fromEntries([...metadata].map(([key, values]) => [key, [...values].sort()])),
    global,
  };
}

describe('unit files as the original reads them', () => {
  const cases = readCases<UnitCase>('units.jsonl').map((one, i) => [`${i + 1}: ${one.name} ${one.tags.join(' ')} ${one.note ?? ''}`, one] as const);

  it.each(cases)('%s', (_title, one) => {
    const read = parseUnitFile(textOf(one));
    expect(read.ok ? null : read.error.message).toBe(one.error);
    expect(checkUnitName(one.name)).toBe(one.validName);
    expect(parseUnitName(one.name)).toEqual(one.nameInfo);
    expect(isRecognizedUnitType(one.name)).toBe(one.recognizedType);
    if (!read.ok) return;
    const text = formatUnitFile(read.options);
    expect(shown(read.options)).toEqual(one.options);
    if (one.optionsBase64 !== undefined) expect(read.options.map((option) => triple(option).map(base64))).toEqual(one.optionsBase64);
    expect(wellFormed(text)).toBe(one.serialized);
    if (one.serializedBase64 !== undefined) expect(base64(text)).toBe(one.serializedBase64);
    expect(hashUnitFile(read.options)).toBe(one.hash);
    expect(requirementsOf(read.options, one.name)).toEqual(one.requirements);
    expect([one.validRequirements, ...(one.validRequirementsAny ?? [])]).toContain(checkRequirementNames(read.options));
    expect([one.validOptions, ...(one.validOptionsAny ?? [])]).toContain(checkRequirementCombinations(read.options));
    expect(wellFormed(unitDescription(read.options))).toBe(one.description);
    const again = parseUnitFile(text);
    expect(again.ok ? null : again.error.message).toBe(one.reparsedError ?? null);
    expect(again.ok ? hashUnitFile(again.options) : null).toBe(one.reparsedHash);
    if (again.ok) expect(shown(again.options)).toEqual(one.reparsedOptions ?? shown(groupBySection(read.options)));
  });

  it.each(cases)('verify agrees with the reader: %s', (_title, one) => {
    const codes = verifyUnitFile(textOf(one), one.name).filter((found) => found.severity === 'error');
    expect(codes.some((found) => found.code === 'parse-error' && found.message === one.error)).toBe(!one.ok);
    if (one.ok && one.validOptions !== null) expect(codes.map((found) => found.message)).toContain(one.validOptions);
    if (one.validName !== null) expect(codes.map((found) => found.code)).toContain('unit-name');
  });

  it.each(cases.filter(([, one]) => one.tags.includes('real')))('verify finds no fault in a unit as people write it: %s', (_title, one) => {
    const found = verifyUnitFile(textOf(one), one.name).filter((diagnostic) => diagnostic.severity !== 'info');
    expect(found.filter((diagnostic) => diagnostic.code !== 'missing-setting' && diagnostic.code !== 'relative-command')).toEqual([]);
  });
});

describe('option lists as the API takes them', () => {
  interface OptionsCase {
    note?: string;
    options: Triple[];
    validOptions: string | null;
    serialized: string;
    hash: string;
    reparsedOptions: Triple[] | null;
    reparsedHash: string | null;
  }
  const cases = readCases<OptionsCase>('options.jsonl').map((one, i) => [`${i + 1}: ${one.note ?? ''}`, one] as const);

  it.each(cases)('%s', (_title, one) => {
    const options = one.options.map(([section, name, value]) => ({ section, name, value }));
    const text = formatUnitFile(options);
    const read = parseUnitFile(text);
    expect(checkRequirementCombinations(options)).toBe(one.validOptions);
    expect(text).toBe(one.serialized);
    expect(hashUnitFile(options)).toBe(one.hash);
    expect(read.ok ? read.options.map(triple) : null).toEqual(one.reparsedOptions);
    expect(read.ok ? hashUnitFile(read.options) : null).toBe(one.reparsedHash);
    expect(findUnfaithfulOption(options) === null).toBe(read.ok && sameOptions(read.options, groupBySection(options)));
  });
});

describe('names', () => {
  interface NameCase {
    name: string;
    validName: string | null;
    nameInfo: unknown;
    recognizedType: boolean;
    cliName: string;
  }
  it.each(readCases<NameCase>('names.jsonl').map((one) => [JSON.stringify(one.name), one] as const))('%s', (_title, one) => {
    expect(checkUnitName(one.name)).toBe(one.validName);
    expect(parseUnitName(one.name)).toEqual(one.nameInfo);
    expect(isRecognizedUnitType(one.name)).toBe(one.recognizedType);
    expect(unitNameFromArgument(one.name)).toBe(one.cliName);
  });
});

describe('patterns', () => {
  interface GlobCase {
    pattern: string;
    name: string;
    match: boolean;
    malformed: boolean;
  }
  const cases = readCases<GlobCase>('globs.jsonl').map((one) => [JSON.stringify(one.pattern), JSON.stringify(one.name), one] as const);

  it.each(cases)('%s on %s', (_pattern, _name, one) => {
    expect({ match: matchGlob(one.pattern, one.name), malformed: compileGlob(one.pattern).malformed }).toEqual({
      match: one.match,
      malformed: one.malformed,
    });
  });
});
