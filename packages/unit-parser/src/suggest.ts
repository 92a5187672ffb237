const LONGEST = 64;

/** The known word nearest to one that was written, if it is near enough to be a slip; legacy prefixes count as slips. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > LONGEST) return null;
  const plain = simplify(word);
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = editDistance(plain, simplify(candidate));
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(candidate.length / 4))) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
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
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
