import type { Pattern } from './entries.ts';

/** Patterns by a text that the names they match start with, or hold somewhere. */
export class AffixMap {
  readonly #patterns = new Map<string, Set<Pattern>>();
  /** How many texts have each length: a name looks up one text of each length, or one for each length and place. */
  readonly #lengths = new Map<number, number>();

  get size(): number {
    return this.#patterns.size;
  }

  /** How many patterns are filed under a text. */
  count(affix: string): number {
    return this.#patterns.get(affix)?.size ?? 0;
  }

  add(affix: string, pattern: Pattern): void {
    const same = this.#patterns.get(affix);
    if (same !== undefined) same.add(pattern);
    else {
      this.#patterns.set(affix, new Set([pattern]));
      this.#lengths.set(affix.length, (this.#lengths.get(affix.length) ?? 0) + 1);
    }
  }

  remove(affix: string, pattern: Pattern): void {
    const same = this.#patterns.get(affix);
    same?.delete(pattern);
    if (same?.size !== 0) return;
    this.#patterns.delete(affix);
    const left = (this.#lengths.get(affix.length) ?? 0) - 1;
    if (left > 0) this.#lengths.set(affix.length, left);
    else this.#lengths.delete(affix.length);
  }

  /** Those filed under a text that the name starts with. */
  *atStartOf(name: string): Generator<Pattern> {
    for (const length of this.#lengths.keys()) {
      if (length <= name.length) yield* this.#patterns.get(name.slice(0, length)) ?? [];
    }
  }

  /** Those filed under a text that the name holds, some perhaps twice. */
  *inside(name: string): Generator<Pattern> {
    for (const length of this.#lengths.keys()) {
      for (let at = 0; at + length <= name.length; at++) yield* this.#patterns.get(name.slice(at, at + length)) ?? [];
    }
  }
}
