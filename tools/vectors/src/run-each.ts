import { Fields } from './fields.ts';
import { type CaseResult, failed, type Outcome, type Runner } from './outcome.ts';

/** A runner for cases that stand alone. A case that cannot be read, or makes the implementation throw, has failed. */
export function runEach(
  file: string,
  idOf: (fields: Fields) => string,
  compare: (fields: Fields) => Outcome | Promise<Outcome>,
): Runner {
  return {
    file,
    async *run(cases): AsyncIterable<CaseResult> {
      for (const value of cases) {
        let id = '?';
        try {
          const fields = new Fields(value);
          id = idOf(fields);
          yield { id, outcome: await compare(fields) };
        } catch (error) {
          yield { id, outcome: failed(error instanceof Error ? error.message : String(error)) };
        }
      }
    },
  };
}
