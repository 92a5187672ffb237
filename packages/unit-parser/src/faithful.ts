import { hasLoneSurrogate } from './byte-text.ts';
import { isBlank, trimBlanks } from './blank.ts';
import { parseUnitFile } from './lexer.ts';
import type { UnitOption } from './types.ts';
import { formatUnitFile, groupBySection, sameOptions } from './unit-file.ts';

/** An option that would not read back as it was given. */
export interface UnfaithfulOption {
  /** Position in the list. */
  readonly index: number;
  /** What is wrong. */
  readonly fault: string;
  /** The same, naming the option; one line. */
  readonly message: string;
}

/**
 * The first option that text cannot hold: written and read again, the list would be another one (lines smuggled in by a newline
 * in a value, names that vanish as comments, blanks that are trimmed). `null` if the list reads back the same, grouped by
 * section.
 */
export function findUnfaithfulOption(options: readonly UnitOption[]): UnfaithfulOption | null {
  for (const [index, option] of options.entries()) {
    const fault = optionFault(option);
    if (fault !== null) return { index, fault, message: `option ${label(option)}: ${fault}` };
  }
  const grouped = groupBySection(options);
  const read = parseUnitFile(formatUnitFile(options));
  if (read.ok && sameOptions(read.options, grouped)) return null;
  return fromReadBack(options, grouped, read.ok ? read.options : [], read.ok ? null : read.error.message);
}

/** Why an option by itself cannot be written as text and read back, or `null`. */
export function optionFault({ section, name, value }: UnitOption): string | null {
  if (section.includes(']')) return 'the section name contains "]"';
  if (hasLoneSurrogate(section) || hasLoneSurrogate(name) || hasLoneSurrogate(value)) return 'the text is not valid UTF-8';
  if (name.includes('=')) return 'the name contains "="';
  if (/[\r\n]/.test(name)) return 'the name contains a line end';
  if (trimBlanks(name) !== name) return 'the name begins or ends with a blank';
  if (/^[#;[]/.test(name)) return `the name begins with "${name.charAt(0)}"`;
  return valueFault(value);
}

function valueFault(value: string): string | null {
  const lines = value.split('\n');
  const last = lines.pop() ?? '';
  if (lines.some((line) => !line.endsWith('\\'))) return 'the value has a line end that no "\\" comes before';
  if (last === '' && lines.length > 0) return trimBlanks(lines.join('\n')) === lines.join('\n') ? null : BLANK_VALUE;
  if (lines.length > 0 && trimBlanks(last) === '') return 'the value ends in a blank line';
  if (value !== '' && (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)))) return BLANK_VALUE;
  return null;
}

const BLANK_VALUE = 'the value begins or ends with a blank';

/** Names the option where the list first differs from what was read; a value ending in a backslash swallows what follows it. */
function fromReadBack(
  options: readonly UnitOption[],
  grouped: readonly UnitOption[],
  read: readonly UnitOption[],
  error: string | null,
): UnfaithfulOption {
  const culprit =
    grouped.find((option) => option.value.endsWith('\\')) ??
    grouped.find((option, i) => {
      const other = read[i];
      return other === undefined || !sameOptions([option], [other]);
    }) ??
    grouped[0];
  const index = culprit === undefined ? 0 : options.indexOf(culprit);
  const why = error === null ? '' : ` (${error})`;
  const fault =
    culprit?.value.endsWith('\\') === true
      ? 'the value ends in "\\", so the next line would become part of it'
      : `the text would not read back the same${why}`;
  return { index, fault, message: `${culprit === undefined ? 'the list' : `option ${label(culprit)}`}: ${fault}` };
}

function label({ section, name }: UnitOption): string {
  const plain = (text: string): string => JSON.stringify(text).slice(1, -1);
  return `"${plain(name)}" of section [${plain(section)}]`;
}
