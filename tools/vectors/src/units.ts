import {
  checkRequirementCombinations,
  checkRequirementNames,
  checkUnitName,
  encodeText,
  formatUnitFile,
  groupBySection,
  hashUnitFile,
  isRecognizedUnitType,
  parseUnitFile,
  parseUnitName,
  rawRequirements,
  readRequirements,
  substituteSpecifiers,
  unitDescription,
  type UnitOption,
} from '@fleet/unit-parser';

import { Comparison, show } from './compare.ts';
import type { Fields } from './fields.ts';
import { runEach } from './run-each.ts';

export const runner = runEach(
  'units.jsonl',
  (fields) => `${fields.string('name')}${fields.has('note') ? ` (${show(fields.get('note'))})` : ''}`,
  (fields) => {
    const comparison = new Comparison();
    const name = fields.string('name');
    comparison.field('validName', checkUnitName(name), fields.get('validName'));
    comparison.field('nameInfo', parseUnitName(name), fields.get('nameInfo'));
    comparison.field('recognizedType', isRecognizedUnitType(name), fields.get('recognizedType'));
    const text = fields.get('text') === null ? Buffer.from(fields.string('textBase64'), 'base64') : fields.string('text');
    const read = parseUnitFile(text);
    comparison.field('ok', read.ok, fields.get('ok'));
    comparison.field('error', read.ok ? null : read.error.message, fields.get('error'));
    compareOptions(comparison, fields, name, read.ok ? read.options : null);
    return comparison.outcome();
  },
);

function compareOptions(comparison: Comparison, fields: Fields, name: string, options: readonly UnitOption[] | null): void {
  comparison.field('options', triples(options ?? []), fields.get('options'));
  if (options === null) {
    comparison.field('hash', null, fields.get('hash'));
    comparison.field('serialized', null, fields.get('serialized'));
    return;
  }
  const text = formatUnitFile(options);
  comparison.field('hash', hashUnitFile(options), fields.get('hash'));
  comparison.field('serialized', wellFormed(text), fields.get('serialized'));
  if (fields.has('serializedBase64')) comparison.field('serializedBase64', base64(text), fields.get('serializedBase64'));
  if (fields.has('optionsBase64')) {
    const encoded = options.map((option) => [option.section, option.name, option.value].map(base64));
    comparison.field('optionsBase64', encoded, fields.get('optionsBase64'));
  }
  comparison.field('description', wellFormed(unitDescription(options)), fields.get('description'));
  comparison.field('requirements', requirementsOf(options, name), fields.get('requirements'));
  const names = [fields.get('validRequirements'), ...fields.list('validRequirementsAny')];
  comparison.oneOf('validRequirements', checkRequirementNames(options), names);
  const combinations = [fields.get('validOptions'), ...fields.list('validOptionsAny')];
  comparison.oneOf('validOptions', checkRequirementCombinations(options), combinations);
  compareReadBack(comparison, fields, options, text);
}

function compareReadBack(comparison: Comparison, fields: Fields, options: readonly UnitOption[], text: string): void {
  const again = parseUnitFile(text);
  comparison.field('reparsedError', again.ok ? null : again.error.message, fields.get('reparsedError') ?? null);
  comparison.field('reparsedHash', again.ok ? hashUnitFile(again.options) : null, fields.get('reparsedHash') ?? null);
  if (!again.ok) return;
  const expected = fields.has('reparsedOptions') ? fields.get('reparsedOptions') : triples(groupBySection(options));
  comparison.field('reparsedOptions', triples(again.options), expected);
}

function requirementsOf(options: readonly UnitOption[], name: string): unknown {
  const info = parseUnitName(name);
  const fill = (value: string): string => wellFormed(info === null ? value : substituteSpecifiers(value, info));
  const requirements = readRequirements(options, name);
  const raw = [...rawRequirements(options)].map(([option, values]) => [wellFormed(option), values.map(fill)] as const);
  const metadata = [...requirements.metadata].map(([key, values]) => [wellFormed(key), [...values].map(wellFormed).sort()] as const);
  return {
    raw: Object.fromEntries(raw),
    conflicts: requirements.conflicts.map(wellFormed),
    replaces: requirements.replaces.map(wellFormed),
    machineOf: requirements.machineOf.map(wellFormed),
    machineID: requirements.machineId === null ? null : wellFormed(requirements.machineId),
    metadata: Object.fromEntries(metadata),
    global: requirements.global,
  };
}

function triples(options: readonly UnitOption[]): readonly (readonly string[])[] {
  return options.map((option) => [option.section, option.name, option.value].map(wellFormed));
}

/** The files show U+FFFD for each byte that is not UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function base64(text: string): string {
  return Buffer.from(encodeText(text)).toString('base64');
}
