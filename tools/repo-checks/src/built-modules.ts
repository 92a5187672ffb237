import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A built file, what it loads from elsewhere, and which packages of node_modules were put into it, by what the build wrote down. */
export interface BuiltModule {
  readonly file: string;
  readonly imports: readonly string[];
  readonly bundled: readonly string[];
}

const loads = [/\brequire\(\s*["']([^"']+)["']\s*\)/g, /\bimport\(\s*["']([^"']+)["']\s*\)/g, /(?:^|[;\n}])\s*(?:import|export)\b[^"'`;()]*?["']([^"']+)["']/g];

/** Reads all built files below a folder. */
export function builtModules(folder: string): readonly BuiltModule[] {
  return globSync('**/*.js', { cwd: folder }).map((name) => {
    const file = join(folder, name);
    const text = readFileSync(file, 'utf8');
    const list = join(folder, 'licenses', `inside-${basename(name, '.js')}.txt`);
    return {
      file,
      imports: loads.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? '')),
      bundled: existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [],
    };
  });
}
