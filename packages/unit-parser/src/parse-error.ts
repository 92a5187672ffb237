/** Why a unit file cannot be read, and where. Plain data; it is returned, not thrown. */
export interface UnitParseError {
  readonly code: 'unclosed-section' | 'garbage-after-section' | 'newline-in-name' | 'missing-equals' | 'line-too-long';
  /** The original's text, to the byte. */
  readonly message: string;
  /** 1-based; columns count UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** What to do about it. */
  readonly remedy: string;
}

const REMEDIES: Readonly<Record<UnitParseError['code'], string>> = {
  'unclosed-section': 'close the section header with "]"',
  'garbage-after-section': 'put nothing but blanks after the "]" of a section header; a comment needs a line of its own',
  'newline-in-name': 'write the line as Name=value, or start it with "#" if it is a comment',
  'missing-equals': 'write the line as Name=value, or start it with "#" if it is a comment',
  'line-too-long': 'fold the line with "\\" at line ends so that each one has fewer than 2048 bytes',
};

export function parseError(code: UnitParseError['code'], message: string, line: number, column: number): UnitParseError {
  return { code, message, line, column, remedy: REMEDIES[code] };
}
