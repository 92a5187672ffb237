import { checkUnitName, isRecognizedUnitType, parseUnitName, unitNameFromArgument } from '@fleet/unit-parser';

import { Comparison, show } from './compare.ts';
import { runEach } from './run-each.ts';

export const runner = runEach(
  'names.jsonl',
  (fields) => show(fields.string('name')),
  (fields) => {
    const name = fields.string('name');
    const comparison = new Comparison(fields);
    comparison.field('validName', checkUnitName(name));
    comparison.field('nameInfo', parseUnitName(name));
    comparison.field('recognizedType', isRecognizedUnitType(name));
    comparison.field('cliName', unitNameFromArgument(name));
    return comparison.outcome();
  },
);
