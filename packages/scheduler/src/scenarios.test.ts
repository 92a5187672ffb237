import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runScenario } from './testing/scenario.ts';

const folder = join(import.meta.dirname, '../testdata');
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));

describe('scenarios of testdata', () => {
  it.each(files)('%s', (file) => {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const done = runScenario(text);
    // FLEET_REWRITE=1 takes what is printed now as right: look at the difference before you commit it.
    if (process.env['FLEET_REWRITE'] === '1') writeFileSync(path, done);
    else expect(done).toBe(text);
  });

  it('never print that a rule is broken', () => {
    for (const file of files) expect(readFileSync(join(folder, file), 'utf8')).not.toContain('BROKEN');
  });
});
