import { afterAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryStore } from '@fleet/registry/embedded';
import { apiCaseSchema, runApiCase } from './testing/index.ts';

const cases = readFileSync(join(import.meta.dirname, '../testdata/api.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => apiCaseSchema.parse(JSON.parse(line)));

describe('recorded exchanges with the original, embedded store', () => {
  let departed = 0;
  afterAll(() => {
    expect(departed).toBe(cases.filter(({ match }) => match === 'defect').length);
  });

  it.each(cases.map((testCase) => [testCase.id, testCase] as const))('%s', async (_id, testCase) => {
    await using store = createMemoryStore();
    const outcome = await runApiCase(testCase, { store, prefix: '/fleet/' });
    expect(outcome).toMatchObject({ kind: testCase.match === 'defect' ? 'departed' : 'passed' });
    if (outcome.kind === 'departed') departed += 1;
  });
});
