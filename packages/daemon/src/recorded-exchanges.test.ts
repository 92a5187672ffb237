import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiCaseSchema, runApiCase } from '@fleet/api-server/testing';
import type { Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { createEtcdStore } from '@fleet/registry/etcd';
import { describeOnEtcd } from '@fleet/registry/testing';
import { serveFromDaemon } from './testing/index.ts';

const cases = readFileSync(join(import.meta.dirname, '../../api-server/testdata/api.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => apiCaseSchema.parse(JSON.parse(line)));
const rows = cases.map((testCase) => [testCase.id, testCase] as const);

describe('recorded exchanges with the original, against a daemon on the embedded store', () => {
  it.each(rows)('%s', async (_id, testCase) => {
    await using store = createMemoryStore();
    const outcome = await runApiCase(testCase, { store, prefix: '/fleet/', serve: serveFromDaemon });
    expect(outcome).toMatchObject({ kind: testCase.match === 'defect' ? 'departed' : 'passed' });
  });
});

describeOnEtcd('recorded exchanges with the original, against a daemon on a real etcd', (etcd) => {
  let store: Store;
  beforeAll(() => {
    store = createEtcdStore({ endpoints: etcd().endpoints });
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
  });

  it.each(rows)('%s', async (id, testCase) => {
    const outcome = await runApiCase(testCase, { store, prefix: `/case/${id}/`, serve: serveFromDaemon });
    expect(outcome).toMatchObject({ kind: testCase.match === 'defect' ? 'departed' : 'passed' });
  });
});
