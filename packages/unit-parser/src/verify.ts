import { toByteText } from './byte-text.ts';
import { arrange, finding } from './diagnostics.ts';
import { findUnfaithfulOption, optionFault } from './faithful.ts';
import { findInRequirements } from './fleet-findings.ts';
import { parseUnitFile, traceUnitFile } from './lexer.ts';
import { locateOptions } from './located.ts';
import type { UnitParseError } from './parse-error.ts';
import { findForSystemd, findInName } from './systemd-findings.ts';
import { findInText } from './text-findings.ts';
import type { Diagnostic, LocatedUnitOption, UnitOption } from './types.ts';

/**
 * Everything there is to say about a unit file, sorted by place: why it cannot be read, what its `[X-Fleet]` section asks for in
 * vain, what is taken by accident, and what systemd refuses or reads differently. Goes on past errors, and never throws. With
 * a name the specifiers are filled in and what depends on the type of unit is checked too. The file is acceptable to fleet
 * if no finding has severity `error`.
 */
export function verifyUnitFile(text: string | Uint8Array, name?: string): readonly Diagnostic[] {
  const bytes = toByteText(text);
  const result = parseUnitFile(text);
  const trace = traceUnitFile(bytes);
  const options = trace.tokens.flatMap((token) => token.option ?? []);
  const errors = result.ok || result.error.code !== 'line-too-long' ? trace.errors : [result.error, ...trace.errors];
  const findings = [...errors.map(fromParseError), ...findInText(bytes, trace.tokens), ...findInOptions(options, name)];
  return arrange(result.ok ? [...findings, ...findUnstable(result.options, findings)] : findings);
}

/**
 * Everything there is to say about a list of options as it comes over the API. Lines are those of the text that `formatUnitFile`
 * makes of the list. Options that would not read back as they are given are errors.
 */
export function verifyOptions(options: readonly UnitOption[], name?: string): readonly Diagnostic[] {
  const located = locateOptions(options);
  const faults = located.flatMap((option) => {
    const fault = optionFault(option);
    return fault === null ? [] : [notReadBack(option, fault)];
  });
  return arrange([...faults, ...findInOptions(located, name), ...findUnstable(located, faults)]);
}

function findInOptions(options: readonly LocatedUnitOption[], name: string | undefined): Diagnostic[] {
  return [...(name === undefined ? [] : findInName(name)), ...findInRequirements(options, name), ...findForSystemd(options, name)];
}

/** What stored text would not give back, unless it is said already. */
function findUnstable(options: readonly LocatedUnitOption[], findings: readonly Diagnostic[]): Diagnostic[] {
  const unfaithful = findUnfaithfulOption(options);
  const option = unfaithful === null ? undefined : options[unfaithful.index];
  if (unfaithful === null || option === undefined) return [];
  const last = option.line + option.value.split('\n').length;
  const known = ['does-not-read-back', 'blank-after-backslash', 'dangling-continuation', 'invalid-utf8'];
  if (findings.some((one) => known.includes(one.code) && one.line >= option.line && one.line <= last)) return [];
  return [notReadBack(option, unfaithful.fault)];
}

function notReadBack(option: LocatedUnitOption, fault: string): Diagnostic {
  return finding('does-not-read-back', 'error', option, `once stored, the option is read as another: ${fault}`, 'change the option so that it stays as it is');
}

function fromParseError(error: UnitParseError): Diagnostic {
  return finding('parse-error', 'error', error, error.message, error.remedy);
}
