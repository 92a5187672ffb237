import { isDeepStrictEqual } from 'node:util';

import type { Fields } from './fields.ts';
import { failed, type Outcome, PASSED } from './outcome.ts';

/** Collects the fields in which a case differs. A field that the case leaves out says nothing; a case that says nothing at all has failed. */
export class Comparison {
  readonly #fields: Fields;
  readonly #differences: string[] = [];
  #compared = 0;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  /** Notes a difference unless the value is deeply equal to the recorded one. */
  field(name: string, actual: unknown): void {
    if (this.#fields.has(name)) this.check(name, actual, [this.#fields.get(name)]);
  }

  /** As `field`, but those in the field `others` will do as well. */
  oneOf(name: string, actual: unknown, others: string): void {
    if (this.#fields.has(name)) this.check(name, actual, [this.#fields.get(name), ...this.#fields.list(others)]);
  }

  /** Notes a difference unless the value is deeply equal to one of these; the first is shown. */
  check(what: string, actual: unknown, expected: readonly unknown[]): void {
    this.#compared++;
    if (expected.some((value) => isDeepStrictEqual(actual, value))) return;
    this.#differences.push(`${what}: got ${show(actual)}, want ${show(expected[0])}`);
  }

  outcome(): Outcome {
    if (this.#compared === 0) return failed('the case records nothing to compare with');
    return this.#differences.length === 0 ? PASSED : failed(this.#differences.join('\n'));
  }
}

/** A value as one line of JSON. */
export function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
