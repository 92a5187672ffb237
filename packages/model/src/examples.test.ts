import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, it } from '@jest/globals';

it('the example of the README runs and prints what the README says', () => {
  const root = new URL('..', import.meta.url);
  const example = fileURLToPath(new URL('examples/basic.ts', root));
  const printed = execFileSync(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', example], { encoding: 'utf8' });
  const readme = readFileSync(new URL('README.md', root), 'utf8');
  expect(readme).toContain(readFileSync(example, 'utf8').trim());
  expect(readme).toContain(printed.trim());
});
