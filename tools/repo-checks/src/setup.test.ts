import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

// The setup is plain JavaScript without types, because it runs on whatever Node a fresh machine has.
interface Results {
  readonly sumResults: (files: readonly { readonly project: string; readonly file: string }[]) => { readonly passed: number; readonly failed: number; readonly failures: readonly string[]; readonly skipped: readonly unknown[] };
  readonly failedSuites: (file: string) => readonly string[];
  readonly takeSecondResults: (file: string, secondFile: string) => readonly string[];
  readonly summaryLine: (sum: { readonly passed: number; readonly failed: number; readonly skipped: readonly unknown[] }) => string;
}
interface NpmPackages {
  readonly whyInstall: (folder: string) => string | undefined;
}
async function load<T>(file: string): Promise<T> {
  return (await import(new URL(`../../setup/${file}`, import.meta.url).href)) as T;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the sum of all tests', () => {
  const suite = (tests: readonly (readonly [string, string])[], message = ''): unknown => ({
    name: '/x/a.test.ts',
    status: message === '' && tests.every(([, status]) => status !== 'failed') ? 'passed' : 'failed',
    message,
    assertionResults: tests.map(([title, status]) => ({ title, fullName: title, ancestorTitles: ['group'], status, failureMessages: status === 'failed' ? ['\u001b[31mit broke\u001b[0m'] : [] })),
  });

  it.each([
    ['passed, failed and skipped', [suite([['a', 'passed'], ['b', 'failed'], ['c', 'pending'], ['d', 'todo']])], '1 passed, 1 failed, 1 skipped'],
    ['a suite that did not run is a failure', [suite([], 'SyntaxError: x')], '0 passed, 1 failed'],
    ['a failed hook beside passed tests is a failure', [suite([['a', 'passed']], 'afterAll failed')], '1 passed, 1 failed'],
    ['nothing skipped is not mentioned', [suite([['a', 'passed']])], '1 passed, 0 failed'],
  ])('%s', async (_name, testResults, expected) => {
    const { sumResults, summaryLine } = await load<Results>('results.mjs');
    const file = join(folder, 'jest.json');
    writeFileSync(file, JSON.stringify({ testResults }));
    expect(summaryLine(sumResults([{ project: 'p', file }]))).toBe(expected);
  });

  it('names a failed test with its suite and message, without colours', async () => {
    const { sumResults } = await load<Results>('results.mjs');
    const file = join(folder, 'jest.json');
    writeFileSync(file, JSON.stringify({ testResults: [suite([['b', 'failed']])] }));
    expect(sumResults([{ project: 'p', file }]).failures).toEqual([expect.stringMatching(/^p: .*a\.test\.ts: b\n {4}it broke$/)]);
  });

  it('takes the results of a second try in place of the first, and says which suites passed then', async () => {
    const { failedSuites, sumResults, summaryLine, takeSecondResults } = await load<Results>('results.mjs');
    const [file, second] = [join(folder, 'first.json'), join(folder, 'second.json')];
    const named = (name: string, status: string): unknown => ({ ...(suite([[name, status]]) as object), name });
    writeFileSync(file, JSON.stringify({ testResults: [named('/x/a', 'passed'), named('/x/b', 'failed'), named('/x/c', 'failed')] }));
    expect(failedSuites(file)).toEqual(['/x/b', '/x/c']);
    writeFileSync(second, JSON.stringify({ testResults: [named('/x/b', 'passed'), named('/x/c', 'failed')] }));
    expect(takeSecondResults(file, second)).toEqual(['/x/b']);
    expect(failedSuites(file)).toEqual(['/x/c']);
    expect(summaryLine(sumResults([{ project: 'p', file }]))).toBe('2 passed, 1 failed');
    expect(takeSecondResults(file, join(folder, 'none.json'))).toEqual([]);
  });

  it('counts missing results as a failure and names the project', async () => {
    const { sumResults } = await load<Results>('results.mjs');
    expect(sumResults([{ project: '@fleet/gone', file: join(folder, 'none.json') }])).toMatchObject({ failed: 1, failures: [expect.stringContaining('@fleet/gone')] });
  });
});

describe('whether npm packages have to be installed', () => {
  const lock = {
    packages: {
      '': { name: 'root' },
      'packages/a': { version: '0.1.0' },
      'node_modules/a': { resolved: 'packages/a', link: true },
      'node_modules/plain': { version: '1.0.0' },
      'node_modules/other-platform': { version: '2.0.0', optional: true },
    },
  };
  const installed = (plain: string | undefined): void => {
    mkdirSync(join(folder, 'node_modules/a'), { recursive: true });
    const packages = plain === undefined ? {} : { 'node_modules/plain': { version: plain } };
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
  };

  it.each<readonly [string, () => void, string | undefined]>([
    ['nothing is there', () => undefined, 'not installed'],
    ['all is there but what is for another platform', () => installed('1.0.0'), undefined],
    ['a version is another', () => installed('1.0.1'), 'node_modules/plain is not 1.0.0'],
    ['a package is missing', () => installed(undefined), 'node_modules/plain is missing'],
    [
      'an installation was interrupted',
      () => {
        mkdirSync(join(folder, 'node_modules/plain'), { recursive: true });
      },
      'not installed',
    ],
  ])('%s', async (_name, arrange, expected) => {
    const { whyInstall } = await load<NpmPackages>('npm-packages.mjs');
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
    arrange();
    if (expected === undefined) expect(whyInstall(folder)).toBeUndefined();
    else expect(whyInstall(folder)).toContain(expected);
  });
});
