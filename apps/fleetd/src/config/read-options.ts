import { OBSOLETE, isOption, OPTIONS, type OptionName, type OptionValues } from './options.ts';
import type { Assignment } from './parse-file.ts';
import type { Problem } from './problem.ts';

/** An option's value with the place it comes from. */
interface Given {
  readonly value: string;
  readonly source: string;
  readonly line: number | null;
}

export interface ReadOptions {
  /** Defaults where nothing, or nothing usable, is given. */
  readonly values: OptionValues;
  readonly problems: readonly Problem[];
  /** Where each given option stands. */
  readonly places: ReadonlyMap<OptionName, { readonly source: string; readonly line: number | null }>;
}

const PREFIX = 'FLEET_';
/** Set for the tests and tools of the project; no options. */
const NO_OPTIONS = /^FLEET_(TEST|BENCH|E2E|DEMO)_/;

/** Lays the environment over the file's assignments and reads every value. All that is wrong comes back at once. */
export function readOptions(assignments: readonly Assignment[], source: string, env: Readonly<Record<string, string | undefined>>): ReadOptions {
  const problems: Problem[] = [];
  const given = new Map<OptionName, Given>();
  const take = (key: string, entry: Given, unknownIs: Problem['severity']): void => {
    const common = { source: entry.source, line: entry.line, key };
    const obsolete = OBSOLETE[key];
    if (isOption(key)) given.set(key, entry);
    else if (obsolete !== undefined) problems.push({ severity: 'warning', ...common, message: `obsolete and ignored: ${obsolete}`, remedy: 'remove it' });
    else problems.push({ severity: unknownIs, ...common, message: 'there is no such option', remedy: suggest(key) });
  };
  for (const { key, value, line } of assignments) take(key, { value, source, line }, 'error');
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || NO_OPTIONS.test(name)) continue;
    take(name.slice(PREFIX.length).toLowerCase(), { value, source: `environment variable ${name}`, line: null }, 'warning');
  }
  const values: Record<string, unknown> = {};
  for (const key of Object.keys(OPTIONS) as OptionName[]) {
    const entry = given.get(key);
    const read = OPTIONS[key].safeParse(entry?.value);
    if (!read.success && entry !== undefined) {
      const message = read.error.issues[0]?.message ?? 'cannot be read';
      problems.push({ severity: 'error', source: entry.source, line: entry.line, key, message, remedy: `remove it to use the default${defaultText(key)}` });
    }
    values[key] = read.success ? read.data : OPTIONS[key].parse(undefined);
  }
  const places = new Map([...given].map(([key, { source: from, line }]) => [key, { source: from, line }]));
  return { values: values as unknown as OptionValues, problems, places };
}

const EXAMPLES: Partial<Record<OptionName, string>> = { agent_ttl: '30s', shutdown_timeout: '60s', evacuation_pause_share: '0.33', socket_mode: '0660', metadata: '', etcd_servers: '', listen: '' };

function defaultText(key: OptionName): string {
  const value: unknown = OPTIONS[key].parse(undefined);
  const example = EXAMPLES[key] ?? (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '');
  return example === '' ? '' : `, ${example}`;
}

/** The option that was probably meant, or where to find them all. */
function suggest(key: string): string {
  const best = Object.keys(OPTIONS)
    .map((name) => ({ name, distance: editDistance(key, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(key.length / 4)) ? `did you mean ${best.name}?` : 'see docs/configuration.md for the options there are';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
