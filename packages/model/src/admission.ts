import { checkRequirementCombinations, findUnfaithfulOption, isTemplateName, parseUnitFile, quoteText, type UnitOption } from '@fleet/unit-parser';

import type { TargetState } from './target-state.ts';

/** An admitted thing, or why it is not; one line for its author. */
export type Admission<T = object> = ({ readonly ok: true } & T) | { readonly ok: false; readonly message: string };

/**
 * Whether a unit file of these options may enter the cluster, for new units and for new files of known ones; if so, the options
 * as they come back when the file is read again. In the original's order and words: that the text can be read, and
 * impossible combinations of `[X-Fleet]` options. Then one rule more: an option must read back as it was given, but for blanks
 * around its value, or it would smuggle in or lose lines.
 */
export function checkOptions(options: readonly UnitOption[]): Admission<{ readonly options: readonly UnitOption[] }> {
  const trimmed = options.map(trimValue);
  const message = checkRequirementCombinations(options) ?? findUnfaithfulOption(trimmed)?.message ?? null;
  return message === null ? { ok: true, options: trimmed } : { ok: false, message };
}

/** Whether a unit of this name may have this target state: a template is never active (as fleet `api/units.go` update). */
export function checkTargetState(name: string, targetState: TargetState): Admission {
  if (targetState === 'inactive' || !isTemplateName(name)) return { ok: true };
  return { ok: false, message: `cannot activate template ${quoteText(name)}` };
}

/** Blanks around a value are lost in the text, so they are dropped before anything is compared. */
function trimValue({ section, name, value }: UnitOption): UnitOption {
  if (!/^[\s\u0085]|[\s\u0085]$/.test(value)) return { section, name, value };
  const read = parseUnitFile(`[S]\nN=${value}\n`);
  const [only, ...more] = read.ok ? read.options : [];
  return { section, name, value: only !== undefined && more.length === 0 ? only.value : value };
}
