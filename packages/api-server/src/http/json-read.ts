/** A JSON value with the members of objects in the order of the text, doubles included. */
export type JsonNode =
  | { readonly type: 'null' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly items: readonly JsonNode[] }
  | { readonly type: 'object'; readonly members: readonly (readonly [string, JsonNode])[] };

/** Text that is no JSON; the message is for the client. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

const MAX_DEPTH = 500;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
// A run of plain characters of a string: no quote, no backslash, no control character.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * Reads exactly one JSON value from the start of `text`; what follows is ignored, lone surrogates become U+FFFD (as Go
 * `json.Decoder`).
 *
 * @throws JsonSyntaxError `EOF` for no value, `unexpected EOF` for one that is cut off, else what stands where.
 */
export function readJson(text: string): JsonNode {
  const reader = new Reader(text);
  reader.skipSpace();
  if (reader.atEnd) throw new JsonSyntaxError('EOF');
  return reader.value(0);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpace(): void {
    this.#match(SPACE);
  }

  value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth');
    const character = this.#peek();
    switch (character) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return { type: 'string', value: this.#string() };
      case 't':
        return this.#word('true', { type: 'boolean', value: true });
      case 'f':
        return this.#word('false', { type: 'boolean', value: false });
      case 'n':
        return this.#word('null', { type: 'null' });
      default:
        return this.#number(character);
    }
  }

  #object(depth: number): JsonNode {
    this.#at += 1;
    const members: (readonly [string, JsonNode])[] = [];
    this.skipSpace();
    if (this.#peek() === '}') {
      this.#at += 1;
      return { type: 'object', members };
    }
    for (;;) {
      this.skipSpace();
      if (this.#peek() !== '"') this.#fail('looking for beginning of object key string');
      const name = this.#string();
      this.skipSpace();
      if (this.#peek() !== ':') this.#fail('after object key');
      this.#at += 1;
      this.skipSpace();
      members.push([name, this.value(depth + 1)]);
      this.skipSpace();
      const next = this.#peek();
      if (next !== ',' && next !== '}') this.#fail('after object key:value pair');
      this.#at += 1;
      if (next === '}') return { type: 'object', members };
    }
  }

  #array(depth: number): JsonNode {
    this.#at += 1;
    const items: JsonNode[] = [];
    this.skipSpace();
    if (this.#peek() === ']') {
      this.#at += 1;
      return { type: 'array', items };
    }
    for (;;) {
      this.skipSpace();
      items.push(this.value(depth + 1));
      this.skipSpace();
      const next = this.#peek();
      if (next !== ',' && next !== ']') this.#fail('after array element');
      this.#at += 1;
      if (next === ']') return { type: 'array', items };
    }
  }

  #string(): string {
    this.#at += 1;
    let result = '';
    for (;;) {
      result += this.#match(PLAIN);
      const character = this.#peek();
      if (character === '"') {
        this.#at += 1;
        return result.replaceAll(LONE_SURROGATE, '\ufffd');
      }
      if (character !== '\\') this.#fail('in string literal');
      this.#at += 1;
      result += this.#escape();
    }
  }

  #escape(): string {
    const character = this.#peek();
    this.#at += 1;
    const simple = SIMPLE_ESCAPES[character];
    if (simple !== undefined) return simple;
    if (character !== 'u') {
      this.#at -= 1;
      this.#fail('in string escape code');
    }
    let code = 0;
    for (let digit = 0; digit < 4; digit += 1) {
      const hex = this.#peek();
      if (!/[0-9a-fA-F]/.test(hex)) this.#fail(String.raw`in \u hexadecimal character escape`);
      code = code * 16 + Number.parseInt(hex, 16);
      this.#at += 1;
    }
    return String.fromCharCode(code);
  }

  #number(character: string): JsonNode {
    if (!/[-0-9]/.test(character)) this.#fail('looking for beginning of value');
    const digits = this.#match(NUMBER);
    if (digits === '' || /^[.eE]/.test(this.#text.slice(this.#at, this.#at + 1))) {
      if (this.#at + 1 >= this.#text.length) throw new JsonSyntaxError('unexpected EOF');
      this.#fail('in numeric literal');
    }
    return { type: 'number', value: Number(digits) };
  }

  #word(word: string, node: JsonNode): JsonNode {
    for (const letter of word) {
      if (this.#peek() !== letter) this.#fail(`in literal ${word}`);
      this.#at += 1;
    }
    return node;
  }

  /** The next character; the end of the text is an error here. */
  #peek(): string {
    const character = this.#text[this.#at];
    if (character === undefined) throw new JsonSyntaxError('unexpected EOF');
    return character;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #fail(where: string): never {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    throw new JsonSyntaxError(`invalid character ${JSON.stringify(character)} ${where} (offset ${this.#at})`);
  }
}

/** The node as plain values; of double members the last one stays. */
export function toPlain(node: JsonNode): unknown {
  switch (node.type) {
    case 'null':
      return null;
    case 'boolean':
    case 'number':
    case 'string':
      return node.value;
    case 'array':
      return node.items.map(toPlain);
    case 'object':
      return Object.fromEntries(node.members.map(([name, value]) => [name, toPlain(value)]));
  }
}

/** What the members of an object are called, and what is inside them: text (`null`), an object, or a list of objects. */
export interface Shape {
  readonly [member: string]: Shape | readonly [Shape] | null;
}

/**
 * The node as plain values for a schema: members of `shape` match without regard to letter case, the last one wins, others
 * are dropped (as Go `encoding/json`). A null leaves a text as it was and empties a list; a null item of a list stays null.
 * A double of the wrong type wins over all others, for the schema to refuse: it is an error wherever it stands.
 */
export function foldMembers(node: JsonNode, shape: Shape): unknown {
  if (node.type === 'array') return node.items.map((item) => foldMembers(item, shape));
  if (node.type !== 'object') return toPlain(node);
  const folded = new Map<string, unknown>();
  const wrong = new Set<string>();
  for (const [name, value] of membersOf(node, shape)) {
    const inner = shape[name] ?? null;
    if (wrong.has(name)) continue;
    if (value.type === 'null') {
      if (isList(inner)) folded.delete(name);
      continue;
    }
    if (!fits(value, inner)) wrong.add(name);
    folded.set(name, inner === null ? toPlain(value) : foldMembers(value, isList(inner) ? inner[0] : inner));
  }
  return Object.fromEntries(folded);
}

function* membersOf(node: Extract<JsonNode, { type: 'object' }>, shape: Shape): Generator<readonly [string, JsonNode]> {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  for (const [written, value] of node.members) {
    const name = names.get(written.toLowerCase().replaceAll('ſ', 's'));
    if (name !== undefined) yield [name, value];
  }
}

function fits(node: JsonNode, shape: Shape[string]): boolean {
  if (node.type === 'null') return true;
  if (shape === null) return node.type === 'string';
  if (isList(shape)) return node.type === 'array' && node.items.every((item) => fits(item, shape[0]));
  return node.type !== 'object' || [...membersOf(node, shape)].every(([name, value]) => fits(value, shape[name] ?? null));
}

function isList(shape: Shape[string]): shape is readonly [Shape] {
  return Array.isArray(shape);
}
