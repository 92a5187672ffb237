import type { ChaosUnit } from './catalogue.ts';

/** What a user can have asked of a unit. */
export type Wish = 'absent' | 'inactive' | 'loaded' | 'launched';
export type Verb = 'start' | 'stop' | 'load' | 'unload' | 'destroy';

const wishOf: Readonly<Record<Verb, Wish>> = { start: 'launched', stop: 'loaded', load: 'loaded', unload: 'inactive', destroy: 'absent' };

/** A unit as one machine's systemd shows it. */
export interface Sighting {
  readonly unit: string;
  readonly active: boolean;
  readonly run: string;
}

/** What every machine shows, by its name. */
export type Sightings = ReadonlyMap<string, readonly Sighting[]>;

interface Entry {
  /** More than one while a command failed whose effect is not known. */
  readonly possible: ReadonlySet<Wish>;
  readonly touchedAt: number;
}

/** What users asked and were told, and what follows from that for the machines once all is quiet. */
export class Ledger {
  readonly #units: ReadonlyMap<string, ChaosUnit>;
  readonly #entries = new Map<string, Entry>();

  constructor(units: readonly ChaosUnit[]) {
    this.#units = new Map(units.map((unit) => [unit.name, unit]));
    for (const unit of units) this.#entries.set(unit.name, { possible: new Set(['absent']), touchedAt: -Infinity });
  }

  /** Everything that may be true of the unit's desired state. */
  possible(unit: string): ReadonlySet<Wish> {
    return this.#entry(unit).possible;
  }

  /** A command is about to be given. */
  asked(unit: string, verb: Verb, at: number): void {
    const { possible } = this.#entry(unit);
    this.#entries.set(unit, { possible: new Set([...possible, wishOf[verb]]), touchedAt: at });
  }

  /** It was acknowledged. */
  acknowledged(unit: string, verb: Verb, at: number): void {
    this.#entries.set(unit, { possible: new Set([wishOf[verb]]), touchedAt: at });
  }

  /** When anybody last wanted something of the unit, or of the one it follows. */
  touchedAt(unit: string): number {
    const target = this.#units.get(unit)?.target;
    return Math.max(this.#entry(unit).touchedAt, target === undefined ? -Infinity : this.#entry(target).touchedAt);
  }

  /** What is not as it has to be when nothing has happened for a while; empty when all promises are kept. */
  brokenPromises(seen: Sightings): readonly string[] {
    const problems: string[] = [];
    for (const unit of this.#units.values()) {
      const active = where(seen, unit.name, (sighting) => sighting.active);
      const present = where(seen, unit.name, () => true);
      problems.push(...this.#problemsOf(unit, active, present));
    }
    problems.push(...conflicts(seen, [...this.#units.values()]));
    return problems;
  }

  #problemsOf(unit: ChaosUnit, active: readonly string[], present: readonly string[]): readonly string[] {
    const places = active.length === 0 ? 'nowhere' : `on ${active.join(' and ')}`;
    const forbidden = active.filter((machine) => !unit.machines.includes(machine));
    if (forbidden.length > 0) return [`${unit.name} runs on ${forbidden.join(' and ')}, where it may not`];
    if (unit.kind !== 'global' && present.length > 1) return [`${unit.name} is on ${present.join(' and ')}`];
    const possible = this.possible(unit.name);
    const [wish] = possible;
    if (possible.size > 1 || wish === undefined) return [];
    switch (wish) {
      case 'absent':
      case 'inactive':
        return present.length > 0 ? [`${unit.name} should be gone (${wish}) and is on ${present.join(' and ')}`] : [];
      case 'loaded':
        return active.length > 0 ? [`${unit.name} should be stopped and runs ${places}`] : [];
      case 'launched':
        if (unit.kind === 'global') return active.length === unit.machines.length ? [] : [`${unit.name} should run on ${unit.machines.join(', ')} and runs ${places}`];
        if (unit.target !== undefined && !this.#isPlaced(unit.target)) return [];
        return active.length === 1 ? [] : [`${unit.name} should run and runs ${places}`];
      default:
        return wish satisfies never;
    }
  }

  /** Whether the unit certainly has a machine, so that a follower has to be there too. */
  #isPlaced(unit: string): boolean {
    return [...this.possible(unit)].every((wish) => wish === 'loaded' || wish === 'launched');
  }

  #entry(unit: string): Entry {
    const entry = this.#entries.get(unit);
    if (entry === undefined) throw new Error(`unit ${unit} is not in the catalogue`);
    return entry;
  }
}

function where(seen: Sightings, unit: string, test: (sighting: Sighting) => boolean): readonly string[] {
  return [...seen].filter(([, sightings]) => sightings.some((sighting) => sighting.unit === unit && test(sighting))).map(([machine]) => machine);
}

/** Units that may not share a machine and do, and followers that are not with their target. */
function conflicts(seen: Sightings, units: readonly ChaosUnit[]): readonly string[] {
  const problems: string[] = [];
  const apart = new Set(units.filter(({ kind }) => kind === 'apart').map(({ name }) => name));
  for (const [machine, sightings] of seen) {
    const here = sightings.filter(({ unit }) => apart.has(unit)).map(({ unit }) => unit);
    if (here.length > 1) problems.push(`${here.join(' and ')} conflict and are both on ${machine}`);
  }
  for (const { name, target } of units) {
    if (target === undefined) continue;
    const mine = where(seen, name, ({ active }) => active);
    const theirs = where(seen, target, () => true);
    if (mine.length === 1 && theirs.length === 1 && mine[0] !== theirs[0]) problems.push(`${name} is on ${mine[0] ?? ''} and ${target}, which it follows, on ${theirs[0] ?? ''}`);
  }
  return problems;
}
