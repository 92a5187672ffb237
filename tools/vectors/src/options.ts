import { checkRequirementCombinations, formatUnitFile, hashUnitFile, parseUnitFile, type UnitOption } from '@fleet/unit-parser';

import { Comparison, show } from './compare.ts';
import { runEach } from './run-each.ts';

export const runner = runEach(
  'options.jsonl',
  (fields) => (fields.has('note') ? show(fields.get('note')) : show(fields.get('options'))),
  (fields) => {
    const options = fields.options('options').map(([section, name, value]): UnitOption => ({ section, name, value }));
    const comparison = new Comparison(fields);
    comparison.oneOf('validOptions', checkRequirementCombinations(options), 'validOptionsAny');
    const text = formatUnitFile(options);
    comparison.field('serialized', text);
    comparison.field('hash', hashUnitFile(options));
    const read = parseUnitFile(text);
    const triples = read.ok ? read.options.map((option) => [option.section, option.name, option.value]) : null;
    comparison.field('reparsedOptions', triples);
    comparison.field('reparsedHash', read.ok ? hashUnitFile(read.options) : null);
    return comparison.outcome();
  },
);
