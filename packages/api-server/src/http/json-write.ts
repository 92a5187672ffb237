const ESCAPES: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };

/**
 * JSON as the original writes it: compact, and with `<`, `>`, `&`, U+2028 and U+2029 escaped (as Go `encoding/json`).
 * Members keep the order of the object; `undefined` members are left out.
 */
export function writeJson(value: unknown): string {
  return escapeJson(JSON.stringify(value));
}

/** The escapes alone, for text that is JSON already: these characters can only stand inside strings there. */
export function escapeJson(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (character) => ESCAPES[character] ?? character);
}
