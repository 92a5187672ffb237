import { describe, expect, it } from '@jest/globals';

import { checkRequirementCombinations, checkRequirementNames } from './combinations.ts';

const fleet = (...lines: [string, string][]): { section: string; name: string; value: string }[] => lines.map(([name, value]) => ({ section: 'X-Fleet', name, value }));

describe('combinations, beyond the recorded ones', () => {
  it.each<[string, [string, string][], string | null]>([
    ['the first peer in the file speaks', [['MachineOf', 'b.service'], ['MachineOf', 'a.service'], ['Conflicts', 'a.service b.service']], 'peer "b.service" matches conflict "b.service"'],
    ['the first pattern in the file speaks, name or not', [['MachineOf', 'a.service'], ['Conflicts', 'a* a.service']], 'peer "a.service" matches conflict "a*"'],
    ['a name before a pattern', [['MachineOf', 'a.service'], ['Conflicts', 'a.service a*']], 'peer "a.service" matches conflict "a.service"'],
    ['conflicts before replaces', [['MachineOf', 'a.service'], ['Replaces', 'a*'], ['Conflicts', '*.service']], 'peer "a.service" matches conflict "*.service"'],
    ['names are quoted as in Go', [['MachineOf', 'a\tb'], ['Conflicts', 'x'], ['Replaces', 'a\tb']], 'peer "a\\tb" matches replace "a\\tb"'],
    ['no peer, nothing to resolve', [['Conflicts', '*']], null],
  ])('%s', (_title, lines, expected) => {
    expect(checkRequirementCombinations(fleet(...lines))).toBe(expected === null ? null : `unresolvable requirements: ${expected}`);
  });

  it('names the first unknown option', () => {
    expect(checkRequirementNames(fleet(['Global', 'true'], ['B', '1'], ['A', '2']))).toBe('unrecognized requirement in [X-Fleet] section: "B"');
    expect(checkRequirementNames([{ section: 'Unit', name: 'B', value: '' }])).toBeNull();
  });
});
