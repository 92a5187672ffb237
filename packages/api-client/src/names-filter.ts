import { compileGlob } from '@fleet/unit-parser';

/** A pattern that matches exactly this name. */
export function exactPattern(name: string): string {
  return name.replace(/[\\*?[]/g, String.raw`\$&`);
}

/** Whether an argument is meant as a pattern over names: unit names hold none of these characters, but the folder before one may. */
export function isPattern(text: string): boolean {
  return /[*?[][^/]*$/.test(text);
}

/** The one name that a query's pattern stands for, if there is just one. */
export function exactName(pattern: string | undefined): string | undefined {
  if (pattern === undefined) return undefined;
  const glob = compileGlob(pattern);
  return glob.isLiteral && !glob.malformed ? glob.literalPrefix : undefined;
}

/** A test for names; everything passes without a pattern. */
export function nameFilter(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const glob = compileGlob(pattern);
  return (name) => glob.test(name);
}

/** The narrowest pattern of the form `prefix*` that covers all the names; none if they share no beginning. */
export function coveringPattern(names: readonly string[]): string | undefined {
  const [first, ...others] = names;
  if (first === undefined) return undefined;
  if (others.length === 0) return exactPattern(first);
  let length = first.length;
  for (const name of others) {
    let at = 0;
    while (at < length && at < name.length && name.charCodeAt(at) === first.charCodeAt(at)) at += 1;
    length = at;
  }
  return length === 0 ? undefined : `${exactPattern(first.slice(0, length))}*`;
}
