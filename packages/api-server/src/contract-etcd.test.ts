import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '@fleet/registry';
import { createEtcdStore } from '@fleet/registry/etcd';
import { etcdIsUsable, startTestEtcd, type TestEtcd } from '@fleet/registry/testing';
import { waitUntil } from '@fleet/runtime/testing';
import { apiCaseSchema, runApiCase, startTestServer } from './testing/index.ts';

const cases = readFileSync(join(import.meta.dirname, '../testdata/api.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => apiCaseSchema.parse(JSON.parse(line)));

(etcdIsUsable() ? describe : describe.skip)('on a real etcd (skipped where none is installed)', () => {
  let etcd: TestEtcd;
  let store: Store;
  beforeAll(async () => {
    etcd = await startTestEtcd();
    store = createEtcdStore({ endpoints: etcd.endpoints });
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await etcd.stop();
  });

  it.each(cases.map((testCase) => [testCase.id, testCase] as const))('recorded exchange %s', async (id, testCase) => {
    const outcome = await runApiCase(testCase, { store, prefix: `/case/${id}/` });
    expect(outcome).toMatchObject({ kind: testCase.match === 'defect' ? 'departed' : 'passed' });
  });

  it('an outage is told, and over when it is over', async () => {
    await using server = await startTestServer({ store, readTimeoutMs: 1_000 });
    const put = (): Promise<number> => server.request('PUT', '/fleet/v1/units/a.service', { options: [{ section: 'Service', name: 'ExecStart', value: '/bin/a' }], desiredState: 'loaded' }).then(({ status }) => status);
    expect(await put()).toBe(201);
    expect((await server.request('GET', '/fleet/v1/units')).status).toBe(200);
    await etcd.kill();
    await waitUntil('the outage to be noticed', async () => (await server.request('GET', '/fleet/v1/units')).status === 500, { deadlineMs: 15_000 });
    expect((await server.request('GET', '/fleet/v1/units')).body).toBe('{"error":{"code":500,"message":""}}');
    expect(JSON.parse((await server.request('GET', '/fleet/v2/units')).body)).toMatchObject({ error: { code: 503, name: 'STORE_UNAVAILABLE' } });
    expect(await put()).toBe(500);
    await etcd.restart();
    await waitUntil('reads', async () => (await server.request('GET', '/fleet/v1/units')).status === 200, { deadlineMs: 15_000 });
    expect(await put()).toBe(204);
  }, 60_000);
});
