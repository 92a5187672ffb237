import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A built file, what it loads from elsewhere, and which packages of node_modules were put into it. */
export interface BuiltModule {
  readonly file: string;
  readonly imports: readonly string[];
  readonly bundled: readonly string[];
}

const loads = [/\brequire\(\s*["']([^"']+)["']\s*\)/g, /\bimport\(\s*["']([^"']+)["']\s*\)/g, /(?:^|[;\n}])\s*(?:import|export)\b[^"'`;()]*?["']([^"']+)["']/g];
// esbuild names the file before each part of a bundle.
const origin = /^\s*\/\/ (?:.*\/)?node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm;

/** Reads all built files below a folder. */
export function builtModules(folder: string): readonly BuiltModule[] {
  return globSync('**/*.js', { cwd: folder }).map((name) => {
    const file = join(folder, name);
    const text = readFileSync(file, 'utf8');
    const matches = (pattern: RegExp): readonly string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
    return { file, imports: loads.flatMap(matches), bundled: matches(origin) };
  });
}
