import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { DIRECTIVES } from './process/index.ts';

const root = join(import.meta.dirname, '..');

describe('the README', () => {
  it('has the table of directives', async () => {
    const rows = Object.entries(DIRECTIVES).flatMap(([section, options]) =>
      Object.entries(options).map(([name, what]) => {
        const [kind, ...detail] = what.split(': ');
        return `| \`[${section}]\` | \`${name}=\` | ${kind ?? ''} | ${detail.join(': ')} |`;
      }),
    );
    expect((await readFile(join(root, 'README.md'), 'utf8')).split('\n').filter((line) => line.startsWith('| `['))).toEqual(rows);
  });
});
