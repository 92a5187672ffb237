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
const NO_REQUIREMENTS: Requirements = {
  machineId: null,
  machineOf: NONE,
  conflicts: NONE,
  replaces: NONE,
  metadata: new Map(),
  global: false,
};
const QUOTE = 0x22;
const SPACE = 0x20;
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
  if (!options.some((option) => option.section === FLEET_SECTION)) return NO_REQUIREMENTS;
  const raw = rawRequirements(options);
  if (name !== undefined) substituteAll(raw, name);
  const machineIds = raw.get('MachineID') ?? raw.get('X-ConditionMachineID') ?? raw.get('X-ConditionMachineBootID');
  return {
    machineId: machineIds?.[0] ?? null,
    machineOf: join(raw.get('X-ConditionMachineOf'), raw.get('MachineOf')),
    conflicts: join(splitEach(raw.get('X-Conflicts')), splitEach(raw.get('Conflicts'))),
    replaces: raw.get('Replaces') ?? NONE,
    metadata: readMetadata(join(raw.get('X-ConditionMachineMetadata'), raw.get('MachineMetadata'))),
    global: isTruthy(raw.get('Global')?.at(-1)),
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
  let from = 0;
  let inside = false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code !== QUOTE && (code !== SPACE || inside)) continue;
    element += value.slice(from, at);
    from = at + 1;
    if (code === QUOTE) {
      inside = !inside;
    } else {
      elements.push(element);
      element = '';
    }
  }
  elements.push(element + value.slice(from));
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

function readMetadata(elements: readonly string[]): Requirements['metadata'] {
  if (elements.length === 0) return NO_REQUIREMENTS.metadata;
  const metadata = new Map<string, Set<string>>();
  for (const element of elements) {
    const pair = parseMetadataPair(element);
    if (pair === null) continue;
    const allowed = metadata.get(pair.key);
    if (allowed === undefined) metadata.set(pair.key, new Set([pair.value]));
    else allowed.add(pair.value);
  }
  return metadata;
}

function splitEach(values: readonly string[] | undefined): readonly string[] | undefined {
  return values?.length === 1 ? splitAtBlanks(values[0] ?? '') : values?.flatMap(splitAtBlanks);
}

/** The values of a legacy name, then those of the current one. */
function join(legacy: readonly string[] | undefined, current: readonly string[] | undefined): readonly string[] {
  if (legacy === undefined) return current ?? NONE;
  return current === undefined ? legacy : [...legacy, ...current];
}
