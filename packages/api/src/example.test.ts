import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

it('the example of the README runs', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../examples/basic.ts')], { env: { ...process.env, NODE_OPTIONS: '' } });
  expect(stdout).toBe("{ resource: 'unit', name: 'web@1.service' }\n/fleet/v2/units web@1.service\nunits.0.desiredState\n14 paths\n");
});
