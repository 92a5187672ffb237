import { compileGlob, type Glob } from './glob.ts';
import { parseUnitFile } from './lexer.ts';
import { quoteText } from './quote.ts';
import { FLEET_OPTIONS, rawRequirements, readRequirements } from './requirements.ts';
import type { Requirements, UnitOption } from './types.ts';
import { formatUnitFile } from './unit-file.ts';

/**
 * Why the options cannot be submitted, in the original's words, or `null` (as fleet `api/units.go` ValidateOptions). The
 * options are written and read back first, so a text that cannot be read is an error too. Specifiers are not filled in.
 */
export function checkRequirementCombinations(options: readonly UnitOption[]): string | null {
  const read = parseUnitFile(formatUnitFile(options));
  if (!read.ok) return read.error.message;
  const requirements = readRequirements(options);
  return findUnresolvable(requirements)?.message ?? findForbiddenPair(requirements)?.message ?? null;
}

/** Why an `[X-Fleet]` option is unknown, in the original's words, or `null`; the first one in file order. */
export function checkRequirementNames(options: readonly UnitOption[]): string | null {
  for (const name of rawRequirements(options).keys()) {
    if (!isFleetOption(name)) return `unrecognized requirement in [X-Fleet] section: ${quoteText(name)}`;
  }
  return null;
}

export function isFleetOption(name: string): boolean {
  return (FLEET_OPTIONS as readonly string[]).includes(name);
}

/** A unit that must be on the same machine and must not: the first in the order of the lists. */
export function findUnresolvable(
  requirements: Requirements,
): { readonly option: 'Conflicts' | 'Replaces'; readonly peer: string; readonly pattern: string; readonly message: string } | null {
  if (requirements.machineOf.length === 0) return null;
  const conflicts = new PatternList(requirements.conflicts);
  const replaces = new PatternList(requirements.replaces);
  for (const peer of new Set(requirements.machineOf)) {
    const prefix = `unresolvable requirements: peer ${quoteText(peer)} matches`;
    const conflict = conflicts.firstMatch(peer);
    if (conflict !== null) {
      return { option: 'Conflicts', peer, pattern: conflict, message: `${prefix} conflict ${quoteText(conflict)}` };
    }
    const replace = replaces.firstMatch(peer);
    if (replace !== null) return { option: 'Replaces', peer, pattern: replace, message: `${prefix} replace ${quoteText(replace)}` };
  }
  return null;
}

/** Patterns in order; those that match one name only are looked up, so that long lists of names stay cheap. */
class PatternList {
  readonly #literals = new Map<string, { readonly index: number; readonly pattern: string }>();
  readonly #globs: { readonly index: number; readonly pattern: string; readonly glob: Glob }[] = [];

  constructor(patterns: readonly string[]) {
    for (const [index, pattern] of [...new Set(patterns)].entries()) {
      const glob = compileGlob(pattern);
      if (glob.malformed) continue;
      if (!glob.isLiteral) this.#globs.push({ index, pattern, glob });
      else if (!this.#literals.has(glob.literalPrefix)) this.#literals.set(glob.literalPrefix, { index, pattern });
    }
  }

  firstMatch(name: string): string | null {
    const literal = this.#literals.get(name);
    const end = literal?.index ?? Infinity;
    return this.#globs.find(({ index, glob }) => index < end && glob.test(name))?.pattern ?? literal?.pattern ?? null;
  }
}

type Kind = 'MachineID' | 'Peers' | 'Conflicts' | 'Global' | 'Replaces';

const FORBIDDEN_PAIRS: readonly (readonly [Kind, Kind])[] = [
  ['MachineID', 'Peers'],
  ['MachineID', 'Conflicts'],
  ['MachineID', 'Global'],
  ['MachineID', 'Replaces'],
  ['Global', 'Peers'],
  ['Global', 'Replaces'],
  ['Conflicts', 'Replaces'],
];

/** The first two kinds of requirement that exclude each other. */
function findForbiddenPair(requirements: Requirements): { readonly pair: readonly [Kind, Kind]; readonly message: string } | null {
  return findForbiddenPairs(requirements)[0] ?? null;
}

export function findForbiddenPairs(requirements: Requirements): { readonly pair: readonly [Kind, Kind]; readonly message: string }[] {
  const present: Record<Kind, boolean> = {
    MachineID: requirements.machineId !== null,
    Peers: requirements.machineOf.length > 0,
    Conflicts: requirements.conflicts.length > 0,
    Global: requirements.global,
    Replaces: requirements.replaces.length > 0,
  };
  return FORBIDDEN_PAIRS.filter(([a, b]) => present[a] && present[b]).map((pair) => ({
    pair,
    message: `${pair[0]} cannot be used with ${pair[1]}`,
  }));
}
