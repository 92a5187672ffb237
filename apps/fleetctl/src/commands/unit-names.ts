import { isPattern, nameFilter, unitNameOf, type FleetApi, type UnitSummary, findUnits } from '@fleet/api-client/fast';
import { FleetError } from '@fleet/runtime';

/** A test for the names that arguments stand for, plain or as patterns; everything passes if there are none. */
export function nameMatcher(args: readonly string[]): (name: string) => boolean {
  if (args.length === 0) return () => true;
  const names = new Set(args.filter((argument) => !isPattern(argument)).map(unitNameOf));
  const patterns = args.filter(isPattern).flatMap((pattern) => [nameFilter(pattern), nameFilter(`${pattern}.service`)]);
  return (name) => names.has(name) || patterns.some((matches) => matches(name));
}

export interface FoundUnits {
  /** In the order of the arguments, each once. */
  readonly units: readonly UnitSummary[];
  /** Names of units that an argument named in full. */
  readonly named: ReadonlySet<string>;
  /** Names, and patterns, that nothing in the cluster answers to. */
  readonly missing: readonly string[];
}

/** The units in the cluster that arguments stand for. */
export async function findArgumentUnits(api: FleetApi, args: readonly string[], signal: AbortSignal): Promise<FoundUnits> {
  const names = args.map((argument) => (isPattern(argument) ? argument : unitNameOf(argument)));
  const all = args.some(isPattern) ? (await api.listUnits({}, { signal })).units : undefined;
  const byName = all === undefined ? await findUnits(api, names, signal) : new Map(all.map((unit) => [unit.name, unit]));
  const units = new Map<string, UnitSummary>();
  const missing: string[] = [];
  for (const name of names) {
    const found = isPattern(name) ? [...byName.values()].filter((unit) => nameMatcher([name])(unit.name)) : [byName.get(name)].filter((unit) => unit !== undefined);
    if (found.length === 0) missing.push(name);
    for (const unit of found) units.set(unit.name, unit);
  }
  return { units: [...units.values()], named: new Set(names.filter((name) => units.has(name))), missing };
}

/** Arguments with every pattern replaced by the units in the cluster that match it and can be meant. @throws FleetError `NO_UNIT_MATCHES` */
export async function expandPatterns(api: FleetApi, args: readonly string[], canBeMeant: (name: string) => boolean, signal: AbortSignal): Promise<readonly string[]> {
  if (!args.some(isPattern)) return args;
  const { units } = await api.listUnits({}, { signal });
  return args.flatMap((argument) => {
    if (!isPattern(argument)) return [argument];
    const matches = nameMatcher([argument]);
    const names = units.map((unit) => unit.name).filter((name) => matches(name) && canBeMeant(name));
    if (names.length === 0) throw new FleetError(`no unit in the cluster matches ${argument}`, { code: 'NO_UNIT_MATCHES', kind: 'not-found' });
    return names;
  });
}
