const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"', "'": "'", s: ' ' };

/**
 * Splits a value into words by systemd's quoting: blanks separate, single and double quotes hold together, C escapes
 * work everywhere. Source: systemd `extract_first_word` with EXTRACT_UNQUOTE | EXTRACT_CUNESCAPE.
 *
 * @throws Error for an open quote or an unknown escape.
 */
export function splitWords(text: string): string[] {
  return splitRawWords(text).map((word) => word.text);
}

export interface RawWord {
  readonly text: string;
  /** Whether no quote and no escape was in it, so that a lone `;` is a separator. */
  readonly plain: boolean;
}

export function splitRawWords(text: string): RawWord[] {
  const words: RawWord[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at += 1;
    if (at >= text.length) return words;
    let word = '';
    let plain = true;
    let quote = '';
    for (; at < text.length; at += 1) {
      const char = text[at] ?? '';
      if (quote === '' && /\s/.test(char)) break;
      if (char === '\\') {
        plain = false;
        const escape = readEscape(text, at + 1);
        word += escape.text;
        at += escape.length;
      } else if (quote === '' && (char === '"' || char === "'")) {
        plain = false;
        quote = char;
      } else if (char === quote) {
        quote = '';
      } else {
        word += char;
      }
    }
    if (quote !== '') throw new Error(`a ${quote} is never closed`);
    words.push({ text: word, plain });
  }
}

function readEscape(text: string, at: number): { readonly text: string; readonly length: number } {
  const char = text[at];
  if (char === undefined) throw new Error('a backslash ends the value');
  // `\;` keeps its backslash here: only a command line knows what it means.
  if (char === ';') return { text: '\\;', length: 1 };
  const simple = SIMPLE_ESCAPES[char];
  if (simple !== undefined) return { text: simple, length: 1 };
  const coded = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(text.slice(at));
  const code = coded === null ? 0 : parseInt(coded[1] ?? coded[2] ?? coded[3] ?? coded[4] ?? '', coded[4] === undefined ? 16 : 8);
  if (coded === null || code === 0 || code > 0x10ffff) throw new Error(`unknown escape \\${char}`);
  return { text: String.fromCodePoint(code), length: coded[0].length };
}
