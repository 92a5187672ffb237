import type { CommandDefinition } from './definition.ts';
import { UsageError } from './usage-error.ts';

/** A command by its name or by a beginning that only one has. @throws UsageError with what was perhaps meant. */
export function findCommand(word: string, commands: readonly CommandDefinition[]): CommandDefinition {
  const exact = commands.find((command) => command.name === word);
  if (exact !== undefined) return exact;
  const [only, ...others] = word === '' ? [] : commands.filter((command) => command.name.startsWith(word));
  if (only !== undefined && others.length === 0) return only;
  throw new UsageError(`unknown command ${JSON.stringify(word)} for "fleetctl"${didYouMean(word, commands.map((command) => command.name))}`);
}

/** What was perhaps meant, to be added to a complaint: names within two edits of the word or that begin with it, letter case ignored, in alphabetical order. */
export function didYouMean(word: string, names: readonly string[]): string {
  const typed = word.toLowerCase();
  const near = names.filter((name) => name.startsWith(typed) || editDistance(typed, name) <= 2).sort();
  return near.length === 0 ? '' : `\n\nDid you mean this?\n${near.map((name) => `\t${name}\n`).join('')}`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
