import { expect, it } from '@jest/globals';
import { startTestServer, TestCluster } from '../testing/index.ts';

it('metadata stands in byte order, keys that look like numbers too', async () => {
  await using server = await startTestServer({ tokenLimit: 2 });
  const cluster = new TestCluster(server.registry);
  await cluster.join('m1', { b: '<1>', '9': 'x', '10': 'y', _a: 'z' }, '192.0.2.1');
  await cluster.join('m2');
  const { body } = await server.request('GET', '/fleet/v1/machines');
  expect(body).toBe(String.raw`{"machines":[{"id":"m1","metadata":{"10":"y","9":"x","_a":"z","b":"\u003c1\u003e"},"primaryIP":"192.0.2.1"},{"id":"m2"}],"nextPageToken":"AgACAA=="}`);
  expect((await server.request('GET', '/fleet/v1/machines?nextPageToken=AgACAA==')).body).toBe('{}');
});
