import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

it('the example of the README runs', async () => {
  const example = join(import.meta.dirname, '..', 'examples', 'basic.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', example], { env: { ...process.env, NODE_OPTIONS: '' } });
  expect(stdout).toBe('AttemptScheduleUnit done\nmachine-1\n');
});
