import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { DIRECTIVES } from './process/index.ts';

const root = join(import.meta.dirname, '..');

describe('the README', () => {
  it('has the example that runs, and what it prints', async () => {
    const example = join(root, 'examples', 'basic.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', example], { env: { ...process.env, NODE_OPTIONS: '' } });
    expect(stdout).toBe(`start: done
hello.service: loaded active running
other.service: not-found inactive dead
hello.service has the hash 1c17ab73dcd4ad2b2098de0ec423b9345f25e1dc
load unit big.service: line 3: MemoryMax= cannot be honoured without systemd
stop: done
Hello from hello.service
`);
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    expect(readme).toContain(await readFile(example, 'utf8'));
    expect(readme).toContain(stdout);
  });

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
