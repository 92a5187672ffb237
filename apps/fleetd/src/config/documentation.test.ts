import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { OBSOLETE, OPTIONS, type OptionName } from './options.ts';
import { parseConfigFile } from './parse-file.ts';

// Documentation and sample are part of the contract: every option, no other, and the defaults that hold.

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const names = Object.keys(OPTIONS) as OptionName[];
const defaultOf = (name: OptionName): unknown => OPTIONS[name].parse(undefined);
/** Shares are documented with two decimals. */
const rounded = (value: unknown): unknown => (typeof value === 'number' ? Math.round(value * 100) / 100 : value);

interface Documented {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

const rows: readonly Documented[] = read('docs/configuration.md')
  .split('\n')
  .flatMap((line) => {
    const [, first = '', second = '', , ...rest] = line.split('|').map((cell) => cell.trim());
    const name = /^`([a-z_]+)`$/.exec(first)?.[1];
    return name === undefined || rest.length < 2 ? [] : [{ name, fallback: second.replaceAll('`', ''), meaning: rest.join('|') }];
  });

describe('docs/configuration.md', () => {
  it('has a row for every option and for no other', () => {
    expect(rows.map(({ name }) => name).sort()).toEqual([...names].sort());
  });

  it.each(rows)('says the default of $name', ({ name, fallback }) => {
    const option = name as OptionName;
    expect(rounded(OPTIONS[option].parse(fallback))).toEqual(rounded(defaultOf(option)));
  });

  it('says which options take effect with a reload, as the sample does', () => {
    const sampled = [...read('apps/fleetd/packaging/fleet.conf').matchAll(/\(reload\)\n(?:#? ?\n)?#? ?([a-z_]+)=/g)].map(([, name]) => name);
    expect(rows.filter(({ meaning }) => meaning.includes('*reload*')).map(({ name }) => name).sort()).toEqual(sampled.sort());
  });

  it('names the options that mean nothing any more', () => {
    for (const name of Object.keys(OBSOLETE)) expect(read('docs/configuration.md')).toContain(`\`${name}\``);
  });
});

describe('packaging/fleet.conf', () => {
  // What is commented out in the sample is an example or the default; prose has no "=" right after a word.
  const text = read('apps/fleetd/packaging/fleet.conf').replaceAll(/^# (?=[a-z_]+=)/gm, '');
  const { assignments, problems } = parseConfigFile(text, 'fleet.conf');

  it('shows every option once and no other, in the form that is read', () => {
    expect(problems).toEqual([]);
    expect(assignments.map(({ key }) => key).sort()).toEqual([...names].sort());
  });

  it.each(assignments.filter(({ key }) => !['metadata', 'shutdown'].includes(key)))('shows the default of $key', ({ key, value }) => {
    const option = key as OptionName;
    expect(rounded(OPTIONS[option].parse(value))).toEqual(rounded(defaultOf(option)));
  });
});
