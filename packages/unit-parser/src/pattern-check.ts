import { toByteText } from './byte-text.ts';
import { holds, isText, readChunks, type Chunk, type Item } from './glob.ts';
import { checkUnitName, TEMPLATE_TYPES, UNIT_TYPES } from './unit-name.ts';

/** Why a pattern can match no unit, and what to write instead. */
export interface PatternFault {
  readonly code: 'malformed-pattern' | 'pattern-matches-nothing';
  readonly message: string;
  readonly remedy: string;
}

const NAME_CHARACTER = /[A-Za-z0-9:\-_.\\@]/;
const NAME_CODES = Array.from({ length: 128 }, (_, code) => code).filter((code) => NAME_CHARACTER.test(String.fromCharCode(code)));
const STRANGE = /[^A-Za-z0-9:\-_.\\@]/;
const COMMA_REMEDY = 'separate patterns with blanks, or write one option for each';

/** A pattern that no valid unit name can match, as data; `null` if some name can. */
export function checkPattern(pattern: string): PatternFault | null {
  const chunks = readChunks(toByteText(pattern));
  if (chunks === null) return { code: 'malformed-pattern', ...malformation(pattern) };
  if (pattern === '') return nothing('an empty pattern', 'write the name or pattern of a unit');
  if (/\s/.test(pattern)) return nothing('a pattern with a blank in it', 'write one option for each pattern');
  const items = chunks.flatMap((chunk) => chunk.items);
  const strange = items.map((item) => (isText(item) ? STRANGE.exec(item.bytes)?.[0] : undefined)).find((char) => char !== undefined);
  if (strange !== undefined) return strangeCharacter(strange);
  if (items.some((item) => item.kind === 'class' && !NAME_CODES.some((code) => holds(item, code)))) {
    return nothing('a pattern with a class that holds no character of unit names', 'write ranges from their lower to their upper end');
  }
  return chunks.some((chunk) => chunk.star) || !items.every(isText) ? suffixFault(chunks) : literalFault(bytesOf(items));
}

function strangeCharacter(char: string): PatternFault {
  if (char === ',') return nothing('a pattern with a comma in it', COMMA_REMEDY);
  const what = char > '~' ? 'a character beyond ASCII' : JSON.stringify(char);
  return nothing(`a pattern with ${what}, which no unit name has,`, 'unit names have letters, digits and ":-_.\\@" only');
}

function nothing(what: string, remedy: string): PatternFault {
  return { code: 'pattern-matches-nothing', message: `${what} matches no unit name`, remedy };
}

function literalFault(name: string): PatternFault | null {
  const message = checkUnitName(name);
  if (message === null) return null;
  const remedy = name.includes('.') ? 'write the name of a unit' : `write "${name}.service" if that is meant`;
  return { code: 'pattern-matches-nothing', message: `no unit can have this name: ${message}`, remedy };
}

/** What the characters at the end of a pattern say about the type of unit. */
function suffixFault(chunks: readonly Chunk[]): PatternFault | null {
  const last = chunks.at(-1)?.items.at(-1);
  const end = last !== undefined && isText(last) ? last.bytes : '';
  if (end === '') return null;
  const isTemplate = chunks.some((chunk) => bytesOf(chunk.items).includes('@'));
  const types: readonly string[] = isTemplate ? TEMPLATE_TYPES : UNIT_TYPES;
  const dot = end.lastIndexOf('.');
  const fits = dot < 0 ? types.some((type) => type.endsWith(end)) : types.includes(end.slice(dot + 1));
  if (fits) return null;
  return nothing(`a pattern that ends in "${end}"`, `end it in ".service", another of the types ${types.join(', ')}, or "*"`);
}

function bytesOf(items: readonly Item[]): string {
  return items.map((item) => (isText(item) ? item.bytes : '')).join('');
}

function malformation(pattern: string): { readonly message: string; readonly remedy: string } {
  if (pattern === '\\') {
    return { message: 'the backslash of a folded line is taken for a pattern, which matches nothing', remedy: 'write one option for each line' };
  }
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(pattern)) return { message: 'the pattern ends in a backslash', remedy: 'put a character after the backslash, or remove it' };
  if (/\[\^?\]/.test(pattern)) return { message: 'the pattern has an empty class "[]"', remedy: 'put "]" into a class as "\\]"' };
  return { message: 'the pattern has a class that is not closed, or a "-" without both ends', remedy: 'close the class with "]", and write "-" in it as "\\-"' };
}
