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
    const comparison = new Comparison(fields);
    const name = fields.string('name');
    comparison.field('validName', checkUnitName(name));
    comparison.field('nameInfo', parseUnitName(name));
    comparison.field('recognizedType', isRecognizedUnitType(name));
    const text = fields.get('text') === null ? Buffer.from(fields.string('textBase64'), 'base64') : fields.string('text');
    const read = parseUnitFile(text);
    comparison.field('ok', read.ok);
    comparison.field('error', read.ok ? null : read.error.message);
    compareOptions(comparison, fields, name, read.ok ? read.options : null);
    return comparison.outcome();
  },
);

function compareOptions(comparison: Comparison, fields: Fields, name: string, options: readonly UnitOption[] | null): void {
  comparison.field('options', triples(options ?? []));
  if (options === null) {
    comparison.field('hash', null);
    comparison.field('serialized', null);
    return;
  }
  const text = formatUnitFile(options);
  comparison.field('hash', hashUnitFile(options));
  comparison.field('serialized', wellFormed(text));
  comparison.field('serializedBase64', base64(text));
  comparison.field(
    'optionsBase64',
    options.map((option) => [option.section, option.name, option.value].map(base64)),
  );
  comparison.field('description', wellFormed(unitDescription(options)));
  comparison.field('requirements', requirementsOf(options, name));
  comparison.oneOf('validRequirements', checkRequirementNames(options), 'validRequirementsAny');
  comparison.oneOf('validOptions', checkRequirementCombinations(options), 'validOptionsAny');
  compareReadBack(comparison, fields, options, text);
}

function compareReadBack(comparison: Comparison, fields: Fields, options: readonly UnitOption[], text: string): void {
  const again = parseUnitFile(text);
  comparison.field('reparsedError', again.ok ? null : again.error.message);
  comparison.field('reparsedHash', again.ok ? hashUnitFile(again.options) : null);
  if (!again.ok) return;
  // Left out where reading back changes nothing but the order of the sections.
  const expected = fields.has('reparsedOptions') ? fields.get('reparsedOptions') : triples(groupBySection(options));
  comparison.check('reparsedOptions', triples(again.options), [expected]);
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
