import { isDeepStrictEqual } from 'node:util';

import { failed, type Outcome, PASSED } from './outcome.ts';

/** Collects the fields in which a case differs. */
export class Comparison {
  readonly #differences: string[] = [];

  /** Notes a difference unless both values are deeply equal. */
  field(name: string, actual: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(actual, expected)) this.#differences.push(`${name}: got ${show(actual)}, want ${show(expected)}`);
  }

  /** As `field`, but any of several expected values will do. */
  oneOf(name: string, actual: unknown, expected: readonly unknown[]): void {
    if (!expected.some((value) => isDeepStrictEqual(actual, value))) this.field(name, actual, expected[0]);
  }

  outcome(): Outcome {
    return this.#differences.length === 0 ? PASSED : failed(this.#differences.join('\n'));
  }
}

/** A value as one line of JSON. */
export function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
