import { describe, expect, it } from '@jest/globals';

import { Vocabulary } from './suggest.ts';

describe('the nearest word', () => {
  const vocabulary = new Vocabulary(['MachineID', 'MachineOf', 'MachineMetadata', 'Conflicts', 'Replaces', 'Global', 'X-Fleet']);

  it.each([
    ['MachineOF', 'MachineOf'],
    ['MachinOf', 'MachineOf'],
    ['MachneiOf', 'MachineOf'],
    ['Conflict', 'Conflicts'],
    ['X-Global', 'Global'],
    ['X-ConditionConflicts', 'Conflicts'],
    ['Machine-Metadata', 'MachineMetadata'],
    ['XFleet', 'X-Fleet'],
    ['Foo', null],
    ['', null],
    ['x'.repeat(1000), null],
  ])('to %j is %j', (written, expected) => {
    expect(vocabulary.nearest(written)).toBe(expected);
  });
});
