import { isBlank } from './blank.ts';
import { finding, shown } from './diagnostics.ts';
import { isTruthy, parseMetadataPair, splitQuotedList } from './requirements.ts';
import type { Diagnostic, LocatedUnitOption } from './types.ts';

const FALSE_WORDS: ReadonlySet<string> = new Set(['false', 'no', '0', 'off', 'f', '']);
const ID_NAMES = ['MachineID', 'X-ConditionMachineID', 'X-ConditionMachineBootID'];

/** Findings about one element of `MachineMetadata`. Malformed ones are ignored by the original, so the unit would run anywhere. */
export function checkMetadata(option: LocatedUnitOption, element: string): Diagnostic[] {
  if (element === '') {
    return [finding('empty-value', 'warning', option, `an empty element of ${option.name} asks for nothing, and resets nothing`, 'remove it')];
  }
  // A folded list of quoted pairs has this between them; the quoting is reported.
  if (element === '\\\n') return [];
  const pair = parseMetadataPair(element);
  if (pair === null) {
    const { message, remedy } = malformation(element);
    return [finding('malformed-metadata', 'error', option, `${shown(element)} is ignored, so any machine will do: ${message}`, remedy)];
  }
  if (/^%[nNpi]$/.test(pair.value)) return [];
  const strange = [pair.key, pair.value].find((part) => /["'\\\n]/.test(part) || isBlank(part.charCodeAt(0)) || isBlank(part.charCodeAt(part.length - 1)));
  if (strange === undefined) return [];
  const message = `${shown(element)} asks for key ${shown(pair.key)} with value ${shown(pair.value)}, quotes and blanks included`;
  return [finding('malformed-metadata', 'warning', option, message, 'write key=value without blanks, and quote either no element or each one')];
}

function malformation(element: string): { readonly message: string; readonly remedy: string } {
  const parts = element.split('=');
  if (parts.length === 1) return { message: 'it has no "="', remedy: 'write key=value' };
  if (parts.length > 2 && /\s/.test(element)) {
    return { message: 'it has more than one "="', remedy: 'quote each pair ("a=b" "c=d"), or write one option for each' };
  }
  if (parts.length > 2) return { message: 'it has more than one "="', remedy: 'a value with "=" in it cannot be asked for' };
  return parts[0] === '' ? { message: 'the key is empty', remedy: 'write key=value' } : { message: 'the value is empty', remedy: 'write key=value' };
}

/** Findings about the options that name a machine: the first element of the first name that is present counts. */
export function checkMachineId(options: readonly LocatedUnitOption[]): Diagnostic[] {
  const used = ID_NAMES.find((name) => options.some((option) => option.name === name));
  const given = options.filter((option) => ID_NAMES.includes(option.name));
  const counted = given.find((option) => option.name === used);
  if (counted === undefined) return [];
  const [value = '', ...more] = splitQuotedList(counted.value);
  const findings = given
    .filter((option) => option !== counted)
    .map((option) => finding('ignored-value', 'warning', option, `only the first ${used ?? ''} counts; this one is ignored`, 'remove it'));
  if (more.length > 0) findings.push(finding('ignored-value', 'warning', counted, `only the first element of ${counted.name} counts`, 'name one machine'));
  if (value === '') {
    findings.push(finding('empty-value', 'error', counted, `an empty ${counted.name} fits no machine, and resets nothing`, 'remove it, or name a machine'));
  } else if (/^[0-9a-fA-F-]+$/.test(value) && !/^(?:[0-9a-f]{8}|[0-9a-f]{32})$/.test(value)) {
    const message = `${shown(value)} is no machine id: it needs all 32 hex digits in lower case, or exactly the first eight`;
    findings.push(finding('machine-id', 'warning', counted, message, 'copy the id from list-machines'));
  }
  return findings;
}

/** Findings about `Global`: the last element of all counts. */
export function checkGlobal(options: readonly LocatedUnitOption[]): Diagnostic[] {
  const given = options.filter((option) => option.name === 'Global');
  const findings: Diagnostic[] = [];
  for (const [i, option] of given.entries()) {
    if (i < given.length - 1) {
      findings.push(finding('ignored-value', 'warning', option, 'only the last Global counts; this one is ignored', 'remove it'));
      continue;
    }
    const value = splitQuotedList(option.value).at(-1) ?? '';
    if (isTruthy(value) || FALSE_WORDS.has(value.toLowerCase()) || /%[nNpi]/.test(value)) continue;
    findings.push(finding('unclear-boolean', 'warning', option, `${shown(value)} counts as no`, 'write true or false'));
  }
  return findings;
}
