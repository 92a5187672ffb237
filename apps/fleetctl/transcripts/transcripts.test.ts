import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InProcessCluster } from '@fleet/testkit';
import { UNITS } from './run-bundle.ts';
import { runTranscript } from './run-transcript.ts';
import { createCluster, endpointOf } from './use-cluster.ts';

const TESTDATA = join(import.meta.dirname, 'testdata');

let cluster: InProcessCluster;

beforeEach(async () => {
  cluster = await createCluster({ machines: 3, metadata: (index) => ({ az: index === 1 ? 'a' : 'b' }) });
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
});

// Each file is a story told to a cluster of its own. FLEET_REWRITE=1 writes down what happened instead of comparing.
describe('transcripts', () => {
  for (const file of readdirSync(TESTDATA).filter((name) => name.endsWith('.txt'))) {
    it(
      file.replace(/\.txt$/, ''),
      async () => {
        const socket = cluster.machines[0]?.socketPath ?? '';
        const { expected, actual } = await runTranscript(join(TESTDATA, file), {
          cwd: UNITS,
          env: endpointOf(cluster),
          replace: [
            [/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/g, 'DATE TIME'],
            [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME'],
            [socket, 'SOCKET'],
            [cluster.directory, 'DIRECTORY'],
            [/"revision": \d+/g, '"revision": N'],
          ],
        });
        expect(actual).toBe(expected);
      },
      120_000,
    );
  }
});
