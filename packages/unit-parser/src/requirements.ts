import { splitAtBlanks } from './blank.ts';
import { substituteSpecifiers } from './specifiers.ts';
import type { Requirements, UnitOption } from './types.ts';
import { parseUnitName } from './unit-name.ts';

/** The section that counts, in this spelling only. */
export const FLEET_SECTION = 'X-Fleet';

/** The option names that mean something in `[X-Fleet]`; the last five are legacy spellings. */
export const FLEET_OPTIONS = [
  'MachineID',
  'MachineOf',
  'MachineMetadata',
  'Conflicts',
  'Replaces',
  'Global',
  'X-ConditionMachineID',
  'X-ConditionMachineBootID',
  'X-ConditionMachineOf',
  'X-ConditionMachineMetadata',
  'X-Conflicts',
] as const;

const NONE: readonly string[] = [];
const NO_METADATA: Requirements['metadata'] = new Map();
const GLOBAL_WORDS: ReadonlySet<string> = new Set(['true', 'yes', '1', 'on', 't']);

/** Option name to values of the `[X-Fleet]` sections, quoted lists split, specifiers as they are written. */
export function rawRequirements(options: readonly UnitOption[]): Map<string, string[]> {
  const raw = new Map<string, string[]>();
  for (const option of options) {
    if (option.section !== FLEET_SECTION) continue;
    const values = splitQuotedList(option.value);
    const present = raw.get(option.name);
    if (present === undefined) raw.set(option.name, values);
    else for (const value of values) present.push(value);
  }
  return raw;
}

/**
 * What the `[X-Fleet]` sections ask for (as fleet `job/job.go`). With a `name` the specifiers are filled in; without one they stay,
 * as in the original's checks at submission.
 */
export function readRequirements(options: readonly UnitOption[], name?: string): Requirements {
  const raw = rawRequirements(options);
  if (raw.size > 0 && name !== undefined) substituteAll(raw, name);
  const values = (option: string): readonly string[] => raw.get(option) ?? NONE;
  const machineIds = raw.get('MachineID') ?? raw.get('X-ConditionMachineID') ?? raw.get('X-ConditionMachineBootID');
  return {
    machineId: machineIds?.[0] ?? null,
    machineOf: join(values('X-ConditionMachineOf'), values('MachineOf')),
    conflicts: join(values('X-Conflicts').flatMap(splitAtBlanks), values('Conflicts').flatMap(splitAtBlanks)),
    replaces: values('Replaces'),
    metadata: readMetadata(values('X-ConditionMachineMetadata'), values('MachineMetadata')),
    global: isTruthy(values('Global').at(-1)),
  };
}

/** Whether the unit is global before specifiers are filled in, as the original's command line sees it. */
export function isGlobal(options: readonly UnitOption[]): boolean {
  let last: string | undefined;
  for (const option of options) {
    if (option.section === FLEET_SECTION && option.name === 'Global') last = splitQuotedList(option.value).at(-1);
  }
  return isTruthy(last);
}

/**
 * Splits a value that begins and ends with `"` into its elements: each `"` switches between outside and inside, and only a
 * single space outside separates. Any other value is one element (as fleet `unit/file.go` parseMultivalueLine).
 */
export function splitQuotedList(value: string): string[] {
  if (!value.startsWith('"') || !value.endsWith('"')) return [value];
  const elements: string[] = [];
  let element = '';
  // Parts of the text between quotes are outside and inside in turn.
  value.split('"').forEach((part, i) => {
    if (i % 2 === 1) {
      element += part;
      return;
    }
    const [first = '', ...more] = part.split(' ');
    element += first;
    for (const next of more) {
      elements.push(element);
      element = next;
    }
  });
  elements.push(element);
  return elements;
}

/** Key and value of a metadata element, or `null` if it does not have exactly two non-empty parts and is ignored. */
export function parseMetadataPair(element: string): { readonly key: string; readonly value: string } | null {
  const equals = element.indexOf('=');
  if (equals <= 0 || equals === element.length - 1 || element.includes('=', equals + 1)) return null;
  return { key: element.slice(0, equals), value: element.slice(equals + 1) };
}

/** Whether a value of `Global` says yes. */
export function isTruthy(value: string | undefined): boolean {
  return value !== undefined && GLOBAL_WORDS.has(value.toLowerCase());
}

function substituteAll(raw: ReadonlyMap<string, string[]>, name: string): void {
  const info = parseUnitName(name);
  if (info === null) return;
  for (const values of raw.values()) values.forEach((value, i) => (values[i] = substituteSpecifiers(value, info)));
}

function readMetadata(legacy: readonly string[], current: readonly string[]): Requirements['metadata'] {
  if (legacy.length === 0 && current.length === 0) return NO_METADATA;
  const metadata = new Map<string, Set<string>>();
  for (const element of join(legacy, current)) {
    const pair = parseMetadataPair(element);
    if (pair === null) continue;
    const allowed = metadata.get(pair.key);
    if (allowed === undefined) metadata.set(pair.key, new Set([pair.value]));
    else allowed.add(pair.value);
  }
  return metadata;
}

function join(first: readonly string[], second: readonly string[]): readonly string[] {
  if (first.length === 0) return second;
  return second.length === 0 ? first : [...first, ...second];
}
