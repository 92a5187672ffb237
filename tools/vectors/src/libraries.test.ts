import { fileURLToPath } from 'node:url';

import { expect, it } from '@jest/globals';

import { runFolder } from './run-folder.ts';
import { RUNNERS } from './runners.ts';

it('the recorded unit files, names, options and patterns come out the same, with nothing departed', async () => {
  const printed: string[] = [];
  const folder = fileURLToPath(new URL('../../../packages/unit-parser/testdata', import.meta.url));
  const counts = await runFolder(folder, RUNNERS, (line) => {
    printed.push(line);
  });
  expect(printed).toEqual([]);
  expect(counts).toEqual({ passed: 498, failed: 0, departed: 0 });
});
