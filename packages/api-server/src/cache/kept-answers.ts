import type { Answer } from '../http/answer.ts';

const MAX_CHARACTERS = 16 * 1024 * 1024;

/** Answers of one revision, by request: however many ask for the same listing, it is made once until something changes. */
export class KeptAnswers {
  readonly #answers = new Map<string, Answer>();
  #revision = -1;
  #characters = 0;

  async get(key: string, revision: number, make: () => Answer | Promise<Answer>): Promise<Answer> {
    if (revision !== this.#revision) this.#startOver(revision);
    const kept = this.#answers.get(key);
    if (kept !== undefined) return kept;
    const answer = await make();
    // Clients choose the key: many long ones for small answers must not add up either.
    const size = key.length + (answer.body?.length ?? 0);
    if (revision === this.#revision && this.#characters + size <= MAX_CHARACTERS) {
      this.#answers.set(key, answer);
      this.#characters += size;
    }
    return answer;
  }

  #startOver(revision: number): void {
    this.#answers.clear();
    this.#characters = 0;
    this.#revision = revision;
  }
}
