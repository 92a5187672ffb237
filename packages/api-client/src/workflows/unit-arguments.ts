import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseUnitFile, parseUnitName, UNIT_TYPES, type UnitOption } from '@fleet/unit-parser';
import { errorCode, systemErrorText } from '../errors.ts';

const SUFFIX = new RegExp(String.raw`\.(?:${UNIT_TYPES.join('|')})$`);

/** `.service` unless it names a unit type; every type the server takes counts, targets and slices too. */
export function withUnitType(text: string): string {
  return SUFFIX.test(text) ? text : `${text}.service`;
}

/** The unit an argument of a command stands for: its last path element, with `.service` where no type is given. */
export function unitNameOf(argument: string): string {
  const path = argument.replace(/\/+$/, '');
  return withUnitType(path.slice(path.lastIndexOf('/') + 1));
}

/** What is on disk for an argument. */
export type LocalText =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | { readonly kind: 'read'; readonly file: string; readonly options: readonly UnitOption[] };

export interface UnitArgument {
  readonly argument: string;
  readonly name: string;
  /** The file of the argument as messages name it, relative as given. */
  readonly file: string;
  /** Name of its template, if it is an instance. */
  readonly template: string | undefined;
  readonly local: LocalText;
  /** The template file beside it; only looked for if there is no file of its own. */
  readonly localTemplate: LocalText;
}

/** Reads what is on disk for each argument. Nothing but reading. */
export function readUnitArguments(args: readonly string[], cwd: string): UnitArgument[] {
  return args.map((argument) => {
    const file = withUnitType(argument.replace(/(.)\/+$/, '$1'));
    const name = unitNameOf(argument);
    const info = parseUnitName(name);
    const template = info?.isInstance === true ? info.template : undefined;
    const local = readLocal(file, cwd);
    const localTemplate: LocalText = template === undefined || local.kind !== 'missing' ? { kind: 'missing' } : readLocal(join(dirname(file), template), cwd);
    return { argument, name, file, template, local, localTemplate };
  });
}

function readLocal(file: string, cwd: string): LocalText {
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(cwd, file));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
    return { kind: 'unreadable', reason: code === 'EISDIR' ? `read ${file}: is a directory` : `open ${file}: ${systemErrorText(error)}` };
  }
  const read = parseUnitFile(bytes);
  if (read.ok) return { kind: 'read', file, options: read.options };
  return { kind: 'unreadable', reason: `${read.error.message} (${file}:${read.error.line}:${read.error.column}; ${read.error.remedy})` };
}
