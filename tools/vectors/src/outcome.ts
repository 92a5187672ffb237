/** How one recorded case compares with what the implementation does. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly difference: string }
  /** Different on purpose: `rule` is the rule that is followed instead. Only for cases marked as a quirk or defect of the original. */
  | { readonly kind: 'departed'; readonly difference: string; readonly rule: string };

export interface CaseResult {
  /** What names the case to a person. */
  readonly id: string;
  readonly outcome: Outcome;
}

/** Runs the cases of one kind of file. */
export interface Runner {
  /** Name of the file it reads, such as `units.jsonl`. */
  readonly file: string;
  /** One result for each case, in order. */
  run(cases: readonly unknown[]): AsyncIterable<CaseResult>;
}

export const PASSED: Outcome = { kind: 'passed' };

export function failed(difference: string): Outcome {
  return { kind: 'failed', difference };
}
