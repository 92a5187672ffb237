import { checkRequirementCombinations, findUnfaithfulOption, isTemplateName, type UnitOption } from '@fleet/unit-parser';

import { toUnitName } from './names.ts';
import type { TargetState } from './target-state.ts';

export type Admission = { readonly ok: true } | { readonly ok: false; readonly message: string };

const ADMITTED: Admission = { ok: true };

/**
 * Whether a unit may enter the cluster, under this name with these options; used for new units and for new texts of known ones.
 * In the original's order and words: the name, that the text can be read, impossible combinations of `[X-Fleet]` options. Then
 * one rule more: an option must read back as it was given, or it would smuggle in or lose lines.
 */
export function checkAdmission(name: string, options: readonly UnitOption[]): Admission {
  const named = toUnitName(name);
  if (!named.ok) return named;
  const message = checkRequirementCombinations(options) ?? findUnfaithfulOption(options)?.message ?? null;
  return message === null ? ADMITTED : { ok: false, message };
}

/** Whether a unit of this name may have this target state: a template is never active (as fleet `api/units.go` update). */
export function checkTargetState(name: string, targetState: TargetState): Admission {
  if (targetState === 'inactive' || !isTemplateName(name)) return ADMITTED;
  return { ok: false, message: `cannot activate template "${name}"` };
}
