import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';

import { hashUnitFile, parseUnitFile } from './index.ts';

const root = new URL('..', import.meta.url);
const example = fileURLToPath(new URL('examples/basic.ts', root));

describe('the example of the README', () => {
  it('runs and prints what the README says', () => {
    const printed = execFileSync(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', example], { encoding: 'utf8' });
    const readme = readFileSync(new URL('README.md', root), 'utf8');
    expect(readme).toContain(readFileSync(example, 'utf8').trim());
    expect(readme).toContain(printed.trim());
  });
});

describe('the entry without Node', () => {
  it('reaches no module of Node', () => {
    const seen = new Set<string>();
    const queue = ['core.ts'];
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      const text = readFileSync(new URL(`src/${file}`, root), 'utf8');
      const imports = [...text.matchAll(/from '([^']+)'/g)].map(([, from]) => from!);
      expect(imports.filter((from) => !from.startsWith('./'))).toEqual([]);
      queue.push(...imports.map((from) => from.slice(2)));
    }
    expect(seen).toContain('lexer.ts');
  });

  it('gives all that the main entry gives, but the hash of Node', async () => {
    const main = Object.keys(await import('./index.ts'));
    const core = Object.keys(await import('./core.ts'));
    expect(main.filter((name) => !core.includes(name))).toEqual(['hashText', 'hashUnitFile']);
    expect(core.filter((name) => !main.includes(name))).toEqual([]);
  });

  it('runs where there is nothing of Node, given a SHA-1', async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('src/core.ts', root))],
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'iife',
      globalName: 'parser',
      logLevel: 'silent',
    });
    // A context of its own has the language and nothing else: no require, no process, no Buffer, not even a console.
    const browser = createContext({ sha1: (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex'), TextDecoder, TextEncoder });
    const script = `${outputFiles[0]?.text ?? ''}
      const read = parser.parseUnitFile('[Unit]\\nDescription=für 東京\\n');
      JSON.stringify([parser.hashUnitFileWith(read.options, sha1), parser.verifyUnitFile('[X-Fleet]\\nConflict=a\\n').map(({ code }) => code)]);`;
    const [hash, codes] = JSON.parse(String(runInContext(script, browser))) as [string, string[]];
    const read = parseUnitFile('[Unit]\nDescription=für 東京\n');
    expect(hash).toBe(read.ok ? hashUnitFile(read.options) : '');
    expect(codes).toContain('unknown-option');
  });

  it('leaves no finding code undescribed', () => {
    const readme = readFileSync(new URL('README.md', root), 'utf8');
    const sources = readdirSync(new URL('src', root)).filter((file) => file === 'diagnostics.ts');
    const text = sources.map((file) => readFileSync(new URL(`src/${file}`, root), 'utf8')).join('');
    const codes = [...text.matchAll(/^ {2}\| '([a-z0-9-]+)'/gm)].map(([, code]) => code!);
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
  });
});
