/** What is not literal: escapes, classes, `*` and `?`; and what is not ASCII, since patterns are about bytes. */
const NOT_LITERAL = /\\.|\[(?:\\.|[^\]\\])*\]|[*?]|[^\x00-\x7f]/su;

/** Texts that every match of a well-formed pattern holds, in this order; the first is what it starts with, the last what it ends with. */
export function literalParts(pattern: string): readonly string[] {
  return pattern.split(NOT_LITERAL);
}
