import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { builtModules } from './built-modules.ts';

it.each([
  ['require', 'var a = require("express");', { imports: ['express'], bundled: [] }],
  ['import with names', 'import { a,\n  b } from "./chunk.js";\nimport "side";\n', { imports: ['./chunk.js', 'side'], bundled: [] }],
  ['import on demand', 'const x = () => import("etcd3");', { imports: ['etcd3'], bundled: [] }],
  ['re-export', 'export * from "./a.js";export { b } from "b";', { imports: ['./a.js', 'b'], bundled: [] }],
])('%s', (_name, text, expected) => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-built-'));
  try {
    writeFileSync(join(folder, 'a.js'), text);
    expect(builtModules(folder)).toEqual([{ file: join(folder, 'a.js'), ...expected }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('knows what was put inside', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-built-'));
  try {
    mkdirSync(join(folder, 'licenses'));
    writeFileSync(join(folder, 'a.js'), '');
    writeFileSync(join(folder, 'licenses/inside-a.txt'), '@grpc/grpc-js\netcd3\n');
    expect(builtModules(folder)).toEqual([{ file: join(folder, 'a.js'), imports: [], bundled: ['@grpc/grpc-js', 'etcd3'] }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
