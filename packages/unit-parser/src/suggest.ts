const LONGEST = 64;

/** Words to choose from, made ready once. */
export class Vocabulary {
  readonly #words: readonly { readonly word: string; readonly plain: string; readonly most: number }[];

  constructor(words: readonly string[]) {
    this.#words = words.map((word) => ({ word, plain: simplify(word), most: word.length < 8 ? 1 : word.length >> 2 }));
  }

  /** The word nearest to one that was written, if it is near enough to be a slip; legacy prefixes count as slips. */
  nearest(written: string): string | null {
    if (written.length > LONGEST) return null;
    const plain = simplify(written);
    let best: string | null = null;
    let bestDistance = LONGEST;
    for (const { word, plain: other, most } of this.#words) {
      // Words of very different length are far apart; no need to find out how far.
      if (Math.abs(other.length - plain.length) > most) continue;
      const distance = editDistance(plain, other);
      if (distance >= bestDistance || distance > most) continue;
      best = word;
      bestDistance = distance;
    }
    return best;
  }
}

/** What people vary without meaning it: case, blanks, hyphens and the old prefixes. */
function simplify(word: string): string {
  return word
    .toLowerCase()
    .replace(/[\s_-]/g, '')
    .replace(/^x(?=condition|machine|global|replaces|conflict)/, '')
    .replace(/^condition/, '');
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let cost = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      cost = least(cost, (last[j] ?? 0) + 1);
      cost = least(cost, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = least(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

function least(a: number, b: number): number {
  return a < b ? a : b;
}
