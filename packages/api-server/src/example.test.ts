import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

it('the example of the README runs', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../examples/basic.ts')], { env: { ...process.env, NODE_OPTIONS: '' } });
  expect(stdout).toBe(
    '201 true\n{"units":[{"currentState":"inactive","desiredState":"launched","name":"hello.service","options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 60"}]}]}\n',
  );
});
