/**
 * Query parameters in the order of the text. A pair whose percent-encoding is broken is dropped as if absent; bytes that
 * are no UTF-8 become U+FFFD.
 */
export function parseQuery(query: string): ReadonlyMap<string, readonly string[]> {
  const parameters = new Map<string, string[]>();
  if (query === '') return parameters;
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = percentDecode((equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' '));
    const value = percentDecode(equals < 0 ? '' : pair.slice(equals + 1).replaceAll('+', ' '));
    if (name === null || value === null) continue;
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

/** Decodes percent escapes; `null` if one is malformed. */
export function percentDecode(text: string): string | null {
  if (!text.includes('%')) return text;
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    // Well-formed escapes of bytes that are no UTF-8.
    const bytes: Buffer[] = [];
    let end = 0;
    for (const match of text.matchAll(/(?:%[0-9a-fA-F]{2})+/g)) {
      bytes.push(Buffer.from(text.slice(end, match.index)), Buffer.from(match[0].replaceAll('%', ''), 'hex'));
      end = match.index + match[0].length;
    }
    bytes.push(Buffer.from(text.slice(end)));
    return Buffer.concat(bytes).toString('utf8');
  }
}
