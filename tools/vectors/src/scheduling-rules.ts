import type { SchedulerUnit } from '@fleet/scheduler';

import type { SchedulingCase } from './scheduling-case.ts';

interface Rule {
  readonly text: string;
  applies(units: readonly SchedulerUnit[], read: SchedulingCase): boolean;
}

/** Where we decide differently from the original, and when that can show; docs/compatibility/scheduling.md has the reasons. */
export const RULES: readonly Rule[] = [
  {
    text: 'E8: a unit whose target state is not recorded is only submitted, and has no machine',
    applies: (_units, read) => read.unrecordedTarget,
  },
  {
    text: 'E13: a global unit has no machine of its own; what is left of its placement is dropped',
    applies: (units, { snapshot }) => units.some((unit) => unit.requirements.global && snapshot.placements.has(unit.name)),
  },
  {
    text: 'E6: an inactive global unit runs nowhere: it does not count, does not conflict and is no peer',
    applies: (units) => units.some((unit) => unit.requirements.global && unit.targetState === 'inactive'),
  },
  {
    text: 'E7: engine and agent use one definition: units placed on a machine come before global ones, inactive units never conflict',
    applies: (units) => units.some((unit) => unit.requirements.global && unit.targetState !== 'inactive'),
  },
  {
    text: 'E3, E4, E5: only the unit that declares Replaces moves the other, and only when a machine that fits it is known; otherwise nothing moves',
    applies: (units) => units.some((unit) => unit.requirements.replaces.length > 0),
  },
  {
    text: 'E2, E9, E10: a conflict throws out as few units as it can, first one that can live elsewhere',
    applies: (units, { snapshot }) => units.some((unit) => unit.requirements.conflicts.length > 0 && snapshot.placements.has(unit.name)),
  },
  {
    text: 'E1: units are visited in byte order of their names, targets of MachineOf before their followers',
    applies: (_units, read) => read.determinism !== 'exact',
  },
];

/** The rule that explains a difference, found by what the case contains; `null` if nothing in it allows one. */
export function departureRule(read: SchedulingCase): string | null {
  const units = read.snapshot.units;
  return RULES.find((rule) => rule.applies(units, read))?.text ?? null;
}
