import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';

import { hashUnitFile, parseUnitFile } from './index.ts';

const root = new URL('..', import.meta.url);

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
});
