import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { OriginalFleetd } from './testing/index.ts';

const run = promisify(execFile);
const EXAMPLE = join(import.meta.dirname, '../examples/basic.ts');

it('examples/basic.ts starts a unit and sees it run', async () => {
  await using server = await new OriginalFleetd().start();
  const { stdout } = await run(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', EXAMPLE], { env: { ...process.env, NODE_OPTIONS: '', FLEETCTL_ENDPOINT: server.endpoint }, timeout: 15_000 });
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toBe('machines: 3fa1c0de');
  expect(lines.at(-1)).toBe('example.service runs on 3fa1c0de');
  expect([...server.units.keys()]).toEqual([]);
});
