import { compileGlob, matchGlob } from '@fleet/unit-parser';

import { Comparison, show } from './compare.ts';
import { runEach } from './run-each.ts';

export const runner = runEach(
  'globs.jsonl',
  (fields) => `${show(fields.string('pattern'))} on ${show(fields.string('name'))}`,
  (fields) => {
    const comparison = new Comparison(fields);
    comparison.field('match', matchGlob(fields.string('pattern'), fields.string('name')));
    comparison.field('malformed', compileGlob(fields.string('pattern')).malformed);
    return comparison.outcome();
  },
);
