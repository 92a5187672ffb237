import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const folder = join(import.meta.dirname, '..');

describe('the example of the README', () => {
  it('prints what the README says', () => {
    const flags = ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning'];
    const environment = { ...process.env, NODE_OPTIONS: '' };
    const output = execFileSync(process.execPath, [...flags, join(folder, 'examples/basic.ts')], { encoding: 'utf8', env: environment });
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(readme).toContain(readFileSync(join(folder, 'examples/basic.ts'), 'utf8').trim());
    expect(readme).toContain(output.trim());
  });
});
