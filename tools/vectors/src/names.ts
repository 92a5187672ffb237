import { checkUnitName, isRecognizedUnitType, parseUnitName, unitNameFromArgument } from '@fleet/unit-parser';

import { Comparison, show } from './compare.ts';
import { runEach } from './run-each.ts';

export const runner = runEach(
  'names.jsonl',
  (fields) => show(fields.string('name')),
  (fields) => {
    const name = fields.string('name');
    const comparison = new Comparison();
    comparison.field('validName', checkUnitName(name), fields.get('validName'));
    comparison.field('nameInfo', parseUnitName(name), fields.get('nameInfo'));
    comparison.field('recognizedType', isRecognizedUnitType(name), fields.get('recognizedType'));
    comparison.field('cliName', unitNameFromArgument(name), fields.get('cliName'));
    return comparison.outcome();
  },
);
