import { describe, expect, it } from '@jest/globals';

import { hashText, hashTextWith, hashUnitFile, hashUnitFileWith } from './index.ts';
import { locateOptions } from './located.ts';
import { formatUnitFile, groupBySection, sameOptions, unitDescription } from './unit-file.ts';

const option = (section: string, name: string, value: string): { section: string; name: string; value: string } => ({ section, name, value });
const scattered = [option('B', 'x', '1'), option('A', 'y', '2 \\\n 3'), option('B', 'z', ''), option('A', 'w', '4')];

describe('writing', () => {
  it('groups sections in order of first use', () => {
    expect(formatUnitFile(scattered)).toBe('[B]\nx=1\nz=\n\n[A]\ny=2 \\\n 3\nw=4\n');
    expect(groupBySection(scattered).map(({ name }) => name)).toEqual(['x', 'z', 'y', 'w']);
    expect(formatUnitFile([])).toBe('');
  });

  it('is where located options have their lines', () => {
    const lines = formatUnitFile(scattered).split('\n');
    for (const { name, line } of locateOptions(scattered)) expect(lines[line - 1]?.startsWith(`${name}=`)).toBe(true);
  });

  it('compares options without their places', () => {
    expect(sameOptions(scattered, locateOptions(scattered))).toBe(true);
    expect(sameOptions(scattered, groupBySection(scattered))).toBe(false);
    expect(sameOptions(scattered, scattered.slice(1))).toBe(false);
  });

  it('finds the first description', () => {
    expect(unitDescription([option('Service', 'Description', 'no'), option('Unit', 'Description', 'yes'), option('Unit', 'Description', 'late')])).toBe('yes');
    expect(unitDescription(scattered)).toBe('');
  });
});

describe('the hash', () => {
  it.each([
    ['nothing', [], 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['one option', [option('Service', 'ExecStart', '/bin/sleep 100')], '1c6fb6f3684bafb0c173d8b8b957ceff031180c1'],
  ])('of %s', (_title, options, hash) => {
    expect(hashUnitFile(options)).toBe(hash);
    expect(hashText(formatUnitFile(options))).toBe(hash);
  });

  it('counts bytes that are not UTF-8 as they are, with any SHA-1', () => {
    const options = [option('A', 'b', 'caf\udce9')];
    const seen: Uint8Array[] = [];
    const sha1 = (bytes: Uint8Array): string => `${seen.push(bytes)}`;
    expect([hashUnitFileWith(options, sha1), hashTextWith('x', sha1)]).toEqual(['1', '2']);
    expect(Buffer.from(seen[0]!).toString('latin1')).toBe('[A]\nb=caf\xe9\n');
    expect(hashUnitFile(options)).not.toBe(hashUnitFile([option('A', 'b', 'caf\ufffd')]));
  });
});
