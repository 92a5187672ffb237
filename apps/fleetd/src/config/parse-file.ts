import type { Problem } from './problem.ts';

/** One assignment, with its place. */
export interface Assignment {
  /** Lower case. */
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export interface ParsedFile {
  /** In file order; the last one of a key wins. */
  readonly assignments: readonly Assignment[];
  readonly problems: readonly Problem[];
}

const QUOTED = [/^([^=\s]+)\s*=\s*"([^"]*)"$/, /^([^=\s]+)\s*=\s*'([^']*)'$/];
const BARE = /^([^=\s]+)\s*=\s*([^#;]+)/;
const EMPTY = /^([^=\s]+)\s*=/;

/**
 * Reads the text of a `fleet.conf` (format: spec of the original's configuration file). Options after the first
 * `[section]` do not count; unlike the original that is said.
 */
export function parseConfigFile(text: string, source: string): ParsedFile {
  const assignments: Assignment[] = [];
  const problems: Problem[] = [];
  let section: string | undefined;
  const problem = (severity: Problem['severity'], line: number, key: string | null, message: string, remedy?: string): void => {
    problems.push({ severity, source, line, key, message, ...(remedy === undefined ? {} : { remedy }) });
  };
  for (const { line, text: raw } of joinLines(text)) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;
    const header = /^\[(.*)\]$/.exec(content);
    if (header !== null) {
      section = header[1] ?? '';
      continue;
    }
    const found = readAssignment(content);
    if (found === undefined) {
      problem('error', line, null, `${JSON.stringify(content.slice(0, 80))} is no assignment`, 'write key=value, or begin the line with # to make it a comment');
      continue;
    }
    const { key, value } = found;
    if (section !== undefined) {
      problem('warning', line, key, `ignored, because it stands in section [${section}]`, 'move it before the first section');
      continue;
    }
    if (/^(["']).*\1$/.test(value)) problem('warning', line, key, `the quotes are part of the value ${value}`, 'put the comment that follows it on a line of its own');
    assignments.push({ key, value, line });
  }
  return { assignments, problems };
}

function readAssignment(content: string): { readonly key: string; readonly value: string } | undefined {
  for (const form of QUOTED) {
    const match = form.exec(content);
    if (match !== null) return { key: (match[1] ?? '').toLowerCase(), value: match[2] ?? '' };
  }
  const bare = BARE.exec(content);
  if (bare !== null) return { key: (bare[1] ?? '').toLowerCase(), value: (bare[2] ?? '').trim() };
  const empty = EMPTY.exec(content);
  return empty === null ? undefined : { key: (empty[1] ?? '').toLowerCase(), value: '' };
}

/** A line that ends in a backslash is joined with the next one. */
function joinLines(text: string): { readonly line: number; readonly text: string }[] {
  const joined: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  text.split(/\r?\n/).forEach((raw, index) => {
    const continued = raw.trimEnd().endsWith('\\');
    const part = continued ? raw.trimEnd().slice(0, -1) : raw;
    if (open === undefined) open = { line: index + 1, text: part };
    else open.text += part.trimStart();
    if (continued) return;
    joined.push(open);
    open = undefined;
  });
  if (open !== undefined) joined.push(open);
  return joined;
}
