import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { OriginalFleetd } from '@fleet/api-client/testing';
import { UNITS } from './run-bundle.ts';
import { runTranscript } from './run-transcript.ts';

let server: OriginalFleetd;

beforeEach(async () => {
  server = await new OriginalFleetd().start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

it('works against an original fleetd', async () => {
  const { expected, actual } = await runTranscript(join(import.meta.dirname, 'testdata/original/original.txt'), {
    cwd: UNITS,
    env: { FLEETCTL_ENDPOINT: server.endpoint },
    replace: [[/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/g, 'DATE TIME']],
  });
  expect(actual).toBe(expected);
}, 60_000);
