/**
 * Reads an `EnvironmentFile=`: `NAME=value` lines, `#` and `;` comments, single quotes raw, double quotes with
 * backslash escapes, quotes over several lines, a backslash at the end of a line joins it with the next. Lines that
 * are no assignment are skipped. Source: systemd.exec(5), `parse_env_file_internal`.
 */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  let at = 0;
  const skipLine = (): void => {
    while (at < text.length && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
    at += 1;
  };
  while (at < text.length) {
    while (/\s/.test(text[at] ?? '')) at += 1;
    const name = /^([A-Za-z_][A-Za-z0-9_]*)[ \t]*=/.exec(text.slice(at, at + 4096));
    if (name?.[1] === undefined) {
      skipLine();
      continue;
    }
    at += name[0].length;
    const value = readValue(text, at);
    variables[name[1]] = value.text;
    at = value.end;
  }
  return variables;
}

function readValue(text: string, start: number): { readonly text: string; readonly end: number } {
  let value = '';
  /** Length of `value` up to which blanks are meant. */
  let kept = 0;
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  while (at < text.length) {
    const char = text[at] ?? '';
    at += 1;
    if (char === '\n' || char === '\r') break;
    if (char === '\\') {
      const next = text[at] ?? '';
      at += 1;
      if (next !== '\n') value += next;
      kept = value.length;
    } else if (char === "'") {
      const close = text.indexOf("'", at);
      value += text.slice(at, close < 0 ? undefined : close);
      at = close < 0 ? text.length : close + 1;
      kept = value.length;
    } else if (char === '"') {
      while (at < text.length && text[at] !== '"') {
        if (text[at] === '\\' && at + 1 < text.length) {
          at += 1;
          // Only these are escapes inside double quotes, as in a shell.
          if (text[at] !== '\n') value += '"\\`$'.includes(text[at] ?? '') ? (text[at] ?? '') : `\\${text[at] ?? ''}`;
        } else {
          value += text[at] ?? '';
        }
        at += 1;
      }
      at += 1;
      kept = value.length;
    } else {
      value += char;
      if (char !== ' ' && char !== '\t') kept = value.length;
    }
  }
  return { text: value.slice(0, kept), end: at };
}
