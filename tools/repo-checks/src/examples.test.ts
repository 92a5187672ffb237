import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { publishedProjects } from './projects.ts';

const run = promisify(execFile);
const examples = publishedProjects()
  .filter(({ folder, directory }) => folder.startsWith('packages/') || existsSync(join(directory, 'examples/basic.ts')))
  .map(({ folder, directory }) => ({ folder, file: join(directory, 'examples/basic.ts') }));

describe.each(examples)('$folder/examples/basic.ts', ({ file }) => {
  it('runs to its end and shows something', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'fleet-example-'));
    try {
      const { stdout } = await run(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', file], { cwd, timeout: 30_000 });
      expect(stdout.trim()).not.toBe('');
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }, 40_000);
});
