import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { withMetrics, type Store } from '@fleet/registry';
import { createEtcdStore } from '@fleet/registry/etcd';
import { describeOnEtcd } from '@fleet/registry/testing';
import { systemClock } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import type { BulkResult } from '@fleet/api';
import { startTestServer, type TestServer } from './testing/index.ts';

describeOnEtcd('on a real etcd', (etcd) => {
  let store: Store;
  beforeAll(() => {
    store = createEtcdStore({ endpoints: etcd().endpoints });
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
  });

  it('a client reads its own writes on the daemon it wrote to, and with the token on any other', async () => {
    await using one = await startTestServer({ store });
    await using other = await startTestServer({ store });
    await Promise.all([one, other].map(async (server) => await server.request('GET', '/fleet/v1/units')));
    for (let round = 0; round < 30; round += 1) {
      const desiredState = round % 2 === 0 ? 'loaded' : 'launched';
      const body = round === 0 ? { desiredState, options: [{ section: 'Service', name: 'ExecStart', value: '/bin/own' }] } : { desiredState };
      const written = await one.request('PUT', '/fleet/v1/units/own.service', body);
      expect(written.status).toBe(round === 0 ? 201 : 204);
      const [here, there, listed] = await Promise.all([
        one.request('GET', '/fleet/v1/units/own.service'),
        other.request('GET', '/fleet/v1/units/own.service', undefined, { 'Fleet-Min-Revision': written.headers.get('fleet-revision') ?? '' }),
        other.request('GET', '/fleet/v2/units?name=own.service', undefined, { 'Fleet-Min-Revision': written.headers.get('fleet-revision') ?? '' }),
      ]);
      expect([here, there].map(({ body: text }) => (JSON.parse(text) as { readonly desiredState: string }).desiredState)).toEqual([desiredState, desiredState]);
      expect(JSON.parse(listed.body)).toMatchObject({ units: [{ desiredState }] });
    }
    expect((await one.request('DELETE', '/fleet/v1/units/own.service')).status).toBe(204);
    expect((await one.request('GET', '/fleet/v1/units/own.service')).status).toBe(404);
  });

  it('two clients that race on two daemons never make a mixture, and the loser is told', async () => {
    await using one = await startTestServer({ store });
    await using other = await startTestServer({ store });
    const servers = [one, other];
    const put = async (index: number, round: number): Promise<number> => {
      const desiredState = index === 0 ? 'loaded' : 'inactive';
      return (await (servers[index] ?? one).request('PUT', '/fleet/v1/units/mixed.service', { desiredState, options: [{ section: 'Service', name: 'ExecStart', value: `/bin/${desiredState} ${round}` }] })).status;
    };
    for (let round = 0; round < 15; round += 1) {
      const statuses = await Promise.all([put(0, round), put(1, round)]);
      // Creation in the first round, replacement afterwards; one may come wholly after the other.
      expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
      const { unit } = (await one.registry.readUnit('mixed.service')) ?? {};
      if (unit === undefined) throw new Error('neither has won');
      expect(await one.registry.readText(unit.hash)).toBe(`[Service]\nExecStart=/bin/${unit.targetState} ${round}\n`);
      expect(statuses[unit.targetState === 'loaded' ? 0 : 1]).toBe(201);
    }
    await one.request('DELETE', '/fleet/v1/units/mixed.service');
  });

  it('reads on one daemon are no work for another, nor for the store', async () => {
    const calls: string[] = [];
    const counted = (name: string): Store => withMetrics(store, { observe: (operation) => operation !== 'watch' && calls.push(`${name} ${operation}`) }, systemClock);
    await using one = await startTestServer({ store: counted('one') });
    await using other = await startTestServer({ store: counted('other') });
    for (const name of ['r1.service', 'r2.service']) await one.request('PUT', `/fleet/v1/units/${name}`, { options: [{ section: 'Service', name: 'ExecStart', value: `/bin/${name}` }] });
    const reads = ['/fleet/v1/units', '/fleet/v1/units/r1.service', '/fleet/v1/state', '/fleet/v1/machines', '/fleet/v2/units', '/fleet/v2/states'];
    for (const server of [one, other]) for (const path of reads) expect((await server.request('GET', path)).status).toBe(200);
    calls.length = 0;
    for (let round = 0; round < 5; round += 1) for (const path of reads) expect((await one.request('GET', path)).status).toBe(200);
    expect(calls).toEqual([]);
    // A change of state of a known unit is one transaction, and nothing on the other daemon.
    await one.request('PUT', '/fleet/v1/units/r1.service', { desiredState: 'loaded' });
    expect(calls).toEqual(['one set']);
  });

  it('what is there already is submitted again without a write, also right after another daemon wrote it', async () => {
    await using one = await startTestServer({ store });
    await using other = await startTestServer({ store });
    await other.request('GET', '/fleet/v2/units');
    const units = (value: string): unknown => Array.from({ length: 200 }, (_, index) => ({ name: `again${index}.service`, options: [{ section: 'Service', name: 'ExecStart', value }] }));
    const outcomes = async (server: TestServer, value: string): Promise<readonly string[]> => {
      const { results } = JSON.parse((await server.request('POST', '/fleet/v2/units:submit', { units: units(value), replace: true })).body) as BulkResult;
      return [...new Set(results.map(({ outcome }) => outcome))];
    };
    expect(await outcomes(one, '/bin/a')).toEqual(['created']);
    expect(await outcomes(other, '/bin/a')).toEqual(['unchanged']);
    const { revision } = await store.get('/none');
    expect(await outcomes(one, '/bin/a')).toEqual(['unchanged']);
    expect((await store.get('/none')).revision).toBe(revision);
    for (const value of ['/bin/b', '/bin/a', '/bin/b']) {
      expect(await outcomes(one, value)).toEqual(['replaced']);
      expect(await outcomes(other, value)).toEqual(['unchanged']);
    }
  });

  it('an outage is told, and over when it is over', async () => {
    await using server = await startTestServer({ store, readTimeoutMs: 1_000 });
    const put = (): Promise<number> => server.request('PUT', '/fleet/v1/units/a.service', { options: [{ section: 'Service', name: 'ExecStart', value: '/bin/a' }], desiredState: 'loaded' }).then(({ status }) => status);
    expect(await put()).toBe(201);
    expect((await server.request('GET', '/fleet/v1/units')).status).toBe(200);
    await etcd().kill();
    await waitUntil('the outage to be noticed', async () => (await server.request('GET', '/fleet/v1/units')).status === 500, { deadlineMs: 15_000 });
    expect((await server.request('GET', '/fleet/v1/units')).body).toBe('{"error":{"code":500,"message":""}}');
    expect(JSON.parse((await server.request('GET', '/fleet/v2/units')).body)).toMatchObject({ error: { code: 503, name: 'STORE_UNAVAILABLE' } });
    expect(await put()).toBe(500);
    await etcd().restart();
    await waitUntil('reads', async () => (await server.request('GET', '/fleet/v1/units')).status === 200, { deadlineMs: 15_000 });
    expect(await put()).toBe(204);
  }, 60_000);
});
