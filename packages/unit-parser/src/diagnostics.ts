import type { Diagnostic, Severity } from './types.ts';

/** Every code a finding can have; the README says what each means. */
export type DiagnosticCode =
  | 'parse-error'
  | 'invalid-utf8'
  | 'control-character'
  | 'byte-order-mark'
  | 'crlf'
  | 'lone-cr'
  | 'long-line'
  | 'no-options'
  | 'text-before-section'
  | 'header-in-mid-line'
  | 'header-over-lines'
  | 'comment-swallows-line'
  | 'blank-after-backslash'
  | 'dangling-continuation'
  | 'even-backslashes'
  | 'comment-in-value'
  | 'header-in-value'
  | 'indented-option'
  | 'unicode-blank'
  | 'empty-name'
  | 'does-not-read-back'
  | 'unit-name'
  | 'unit-type'
  | 'unknown-section'
  | 'section-near-miss'
  | 'section-for-other-type'
  | 'missing-setting'
  | 'repeated-setting'
  | 'relative-command'
  | 'unknown-option'
  | 'option-in-wrong-section'
  | 'legacy-option'
  | 'impossible-combination'
  | 'empty-value'
  | 'ignored-value'
  | 'unclear-boolean'
  | 'quoting'
  | 'malformed-metadata'
  | 'machine-id'
  | 'malformed-pattern'
  | 'pattern-matches-nothing'
  | 'peer-name'
  | 'self-reference'
  | 'circular-reference';

/** Where a finding is: both 1-based. Options have this shape. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export const START: Place = { line: 1, column: 1 };

export function finding(code: DiagnosticCode, severity: Severity, place: Place, message: string, remedy?: string): Diagnostic {
  const { line, column } = place;
  return remedy === undefined ? { code, severity, line, column, message } : { code, severity, line, column, message, remedy };
}

/** By place; findings about one place keep their order, and none is said twice. */
export function arrange(findings: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return findings
    .filter((one) => {
      const key = `${one.line}:${one.column}:${one.code}:${one.message}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Text for a message: quoted, one line, and cut if it is long. */
export function shown(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.length <= 80 ? quoted : `${quoted.slice(0, 76)}…"`;
}
