/** Reads the documented fields of a case; a missing or wrong one is an error that names it. */
export class Fields {
  readonly #record: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('the case is not a JSON object');
    this.#record = value as Record<string, unknown>;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#record, name);
  }

  get(name: string): unknown {
    return this.#record[name];
  }

  all(): Readonly<Record<string, unknown>> {
    return this.#record;
  }

  string(name: string): string {
    const value = this.get(name);
    if (typeof value !== 'string') throw new TypeError(`field "${name}" is not a string`);
    return value;
  }

  /** What names the case to a person: those of these fields that it has. */
  label(...names: readonly string[]): string {
    return names.flatMap((name) => (this.has(name) ? [String(this.get(name))] : [])).join(' ');
  }

  /** Three strings for each option: section, name and value. */
  options(name: string): readonly (readonly [string, string, string])[] {
    const value = this.get(name);
    if (!Array.isArray(value) || !value.every(isTriple)) throw new TypeError(`field "${name}" is not a list of options`);
    return value;
  }

  /** A list, or nothing if the field is absent. */
  list(name: string): readonly unknown[] {
    const value = this.get(name);
    return Array.isArray(value) ? value : [];
  }
}

function isTriple(value: unknown): value is [string, string, string] {
  return Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === 'string');
}
