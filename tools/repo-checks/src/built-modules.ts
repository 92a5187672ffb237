import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A built file that is loaded when the entry is, with what it imports by name. */
export interface BuiltModule {
  readonly file: string;
  readonly imports: readonly string[];
}

const statement = /(?:^|[;\n}])\s*(?:import|export)\s*(?:[\w*{][^'"`;]*?\sfrom\s*|[\w*{][^'"`;]*?\}\s*from\s*)?["']([^"']+)["']/g;
const required = /\brequire\(\s*["']([^"']+)["']\s*\)/g;

/**
 * Follows the static imports of a built entry through its own chunks. What is loaded by `import()` is left out: it costs
 * nothing until it is asked for.
 */
export function staticImports(entry: string): readonly BuiltModule[] {
  const seen = new Map<string, BuiltModule>();
  const visit = (file: string): void => {
    if (seen.has(file) || !existsSync(file)) return;
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(statement), ...text.matchAll(required)].map((match) => match[1] ?? '');
    seen.set(file, { file, imports });
    for (const name of imports) if (name.startsWith('.')) visit(join(dirname(file), name));
  };
  visit(entry);
  return [...seen.values()];
}
