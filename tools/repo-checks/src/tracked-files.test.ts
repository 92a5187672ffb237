import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repositoryRoot, trackedFiles } from './projects.ts';

const files = trackedFiles().filter((file) => statSync(join(repositoryRoot, file), { throwIfNoEntry: false })?.isFile() === true);
const text = (file: string): string => readFileSync(join(repositoryRoot, file), 'utf8');

function matches(pattern: RegExp, among: readonly string[] = files): readonly string[] {
  return among.flatMap((file) => {
    const match = pattern.exec(text(file));
    return match === null ? [] : [`${file}: ${match[0]}`];
  });
}

const escape = (path: string): string => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe('files under version control', () => {
  it('name no path of the computer they were written on', () => {
    // The folder that holds the clone; too short or too common a name would match by chance.
    const places = [repositoryRoot, dirname(repositoryRoot)].filter((path) => path.split('/').length > 2 || path === repositoryRoot || path.length > 4);
    const home = homedir();
    const personal = home.startsWith('/home/') || home.startsWith('/Users/') ? [home] : [];
    for (const place of [...places, ...personal].filter((path) => !['/', '/tmp', '/root', '/home', '/var', '/usr'].includes(path))) expect(matches(new RegExp(`(?<![\\w.-])${escape(place)}(?=[/\\s'"\`]|$)`, 'm'))).toEqual([]);
    expect(matches(/\/(?:home|Users)\/(?!core\b|fleet\b|user\b|me\b|you\b|alice\b|node\b|%|\$|<|\.)[a-z][\w-]*\//)).toEqual([]);
  });

  it('name no host of a package registry', () => {
    expect(matches(/https?:\/\/[\w.-]*\b(?:registry|npmjs|nexus|artifactory|verdaccio)\b[\w.-]*\.[a-z]{2,}(?!\w)/i, files.filter((file) => !file.endsWith('LICENSE')))).toEqual([]);
  });

  it('have a lock file without download addresses', () => {
    expect(text('package-lock.json')).not.toMatch(/"resolved": "https?:/);
    expect(files.filter((file) => /(^|\/)(yarn\.lock|pnpm-lock\.yaml|npm-shrinkwrap\.json)$/.test(file))).toEqual([]);
  });

  it('leave nothing to be done later', () => {
    const code = files.filter((file) => /\.(?:ts|mjs|js|sh)$/.test(file) && !file.startsWith('tools/repo-checks/'));
    expect(matches(/\b(?:TODO|FIXME|XXX)\b/, code)).toEqual([]);
  });

  it('hold no build results', () => {
    expect(files.filter((file) => /(^|\/)(dist|node_modules|coverage|tmp)\//.test(file))).toEqual([]);
  });

  it('hold tests that all run', () => {
    const tests = files.filter((file) => file.endsWith('.test.ts') && !file.startsWith('tools/repo-checks/'));
    expect(matches(/\b(?:describe|it|test)\.only\(|\b(?:fit|fdescribe|xit|xdescribe)\(/, tests)).toEqual([]);
  });
});

describe('documents', () => {
  const documents = files.filter((file) => file.endsWith('.md'));

  it('link to files that exist', () => {
    const broken = documents.flatMap((file) =>
      [...text(file).replace(/```[\s\S]*?```/g, '').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => statSync(join(repositoryRoot, dirname(file), target), { throwIfNoEntry: false }) === undefined)
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('are reachable: every page of differences and of decisions is in its index', () => {
    const listed = (index: string, folder: string): readonly string[] => {
      const pages = documents.filter((file) => file.startsWith(folder) && !file.endsWith('/README.md'));
      return pages.filter((page) => !text(index).includes(page.slice(page.lastIndexOf('/') + 1)));
    };
    expect(listed('docs/compatibility.md', 'docs/compatibility/')).toEqual([]);
    expect(listed('docs/decisions/README.md', 'docs/decisions/')).toEqual([]);
    const topics = documents.filter((file) => /^docs\/(?!README\.md$)[^/]+\.md$/.test(file));
    expect(topics.filter((page) => !text('docs/README.md').includes(`(${page.slice('docs/'.length)})`))).toEqual([]);
  });

  it('number decisions once each', () => {
    const numbers = documents.map((file) => /^docs\/decisions\/(\d{4})-/.exec(file)?.[1]).filter((number) => number !== undefined);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
