import { toByteText } from './byte-text.ts';
import { firstRune, quoteRune, quoteText } from './quote.ts';

/** The parts of a unit name. */
export interface UnitNameInfo {
  /** The whole name: `web@1.service`. */
  readonly full: string;
  /** Without the suffix: `web@1`. */
  readonly name: string;
  /** Before the `@`, or the whole stem: `web`. */
  readonly prefix: string;
  /** The template it belongs to: `web@.service`; empty if there is no `@`. */
  readonly template: string;
  /** Between the first `@` and the suffix: `1`; empty if there is none. */
  readonly instance: string;
  readonly isInstance: boolean;
  readonly isTemplate: boolean;
}

/** Every suffix a unit name may have. */
export const UNIT_TYPES = [
  'automount',
  'busname',
  'device',
  'mount',
  'path',
  'scope',
  'service',
  'slice',
  'snapshot',
  'socket',
  'swap',
  'target',
  'timer',
] as const;

/** The suffixes a template or instance may have. */
export const TEMPLATE_TYPES = ['path', 'service', 'socket', 'target', 'timer'] as const;

/** The suffixes that the original's agent and command line know. */
export const RECOGNIZED_UNIT_TYPES = ['service', 'socket', 'timer', 'path', 'device', 'mount', 'automount'] as const;

const MAX_BYTES = 256;
const NOT_ALLOWED = /[^A-Za-z0-9:\-_.\\@]/u;
const unitTypes: ReadonlySet<string> = new Set(UNIT_TYPES);
const templateTypes: ReadonlySet<string> = new Set(TEMPLATE_TYPES);
const recognizedTypes: ReadonlySet<string> = new Set(RECOGNIZED_UNIT_TYPES);

/** The parts of a name, or `null` if it has no dot (as fleet `unit/unit.go` NewUnitNameInfo). Does not check the name. */
export function parseUnitName(name: string): UnitNameInfo | null {
  const dot = name.lastIndexOf('.');
  if (dot < 0) return null;
  const stem = name.slice(0, dot);
  const at = stem.indexOf('@');
  if (at < 0) return { full: name, name: stem, prefix: stem, template: '', instance: '', isInstance: false, isTemplate: false };
  const prefix = stem.slice(0, at);
  const instance = stem.slice(at + 1);
  const isInstance = instance !== '';
  return { full: name, name: stem, prefix, template: `${prefix}@${name.slice(dot)}`, instance, isInstance, isTemplate: !isInstance };
}

/** What is wrong with a unit name, in the original's words, or `null` (as fleet `unit/validate.go` ValidateName). */
export function checkUnitName(name: string): string | null {
  if (name === '') return 'unit name cannot be empty';
  if (toByteText(name).length > MAX_BYTES) return `unit name exceeds maximum length (${MAX_BYTES})`;
  const dot = name.lastIndexOf('.');
  if (dot < 0) return 'unit name must contain "."';
  if (dot === name.length - 1) return 'unit name cannot end in "."';
  const suffix = name.slice(dot + 1);
  if (!unitTypes.has(suffix)) return `invalid unit type: ${quoteText(suffix)}`;
  if (name.includes('@') && !templateTypes.has(suffix)) return `invalid unit type for template: ${quoteText(suffix)}`;
  const stem = name.slice(0, dot);
  const offender = NOT_ALLOWED.exec(stem);
  if (offender !== null) return `invalid character ${quoteRune(firstRune(offender[0]))} in unit name`;
  return name.startsWith('@') ? 'unit name cannot start in "@"' : null;
}

/** Whether the name ends in a type that the original's agent and command line know. */
export function isRecognizedUnitType(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot >= 0 && recognizedTypes.has(name.slice(dot + 1));
}

/** Whether the name is that of a template, such as `web@.service`. */
export function isTemplateName(name: string): boolean {
  return parseUnitName(name)?.isTemplate ?? false;
}

/**
 * The unit name the command line makes of an argument: the last path element, with `.service` if its type is not recognised (as
 * fleetctl `unitNameMangle`).
 */
export function unitNameFromArgument(argument: string): string {
  const name = lastPathElement(argument);
  return isRecognizedUnitType(name) ? name : `${name}.service`;
}

/** As Go `path.Base`: `.` for nothing, `/` for nothing but slashes. */
function lastPathElement(path: string): string {
  if (path === '') return '.';
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  if (end === 0) return '/';
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}
