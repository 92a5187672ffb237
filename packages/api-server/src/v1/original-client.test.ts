import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { startTestServer, TestCluster, type TestServer } from '../testing/index.ts';
import { StopsToTell } from './original-client.ts';

const PATH = '/fleet/v1/units/a.service';
const ORIGINAL = { 'User-Agent': 'google-api-go-client/0.5' };

describe('a launched unit that is being stopped', () => {
  let server: TestServer;
  let cluster: TestCluster;
  beforeAll(async () => {
    server = await startTestServer({ clock: systemClock });
    cluster = new TestCluster(server.registry);
    await cluster.join('m1');
    await cluster.create('a.service');
    await cluster.place('a.service', 'm1');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await set('launched');
  });

  const currentState = async (headers: Readonly<Record<string, string>> = {}): Promise<string> =>
    (JSON.parse((await server.request('GET', PATH, undefined, headers)).body) as { readonly currentState: string }).currentState;
  /** The machine has done what was asked for when the answer is there. */
  const set = async (desiredState: string, headers: Readonly<Record<string, string>> = {}): Promise<void> => {
    expect((await server.request('PUT', PATH, { name: 'a.service', desiredState }, headers)).status).toBe(204);
    await cluster.report('a.service', 'm1');
    while ((await currentState()) !== desiredState);
  };

  it('is told as launched once to the client whose restart waits for that', async () => {
    await set('loaded', ORIGINAL);
    expect([await currentState(), await currentState(ORIGINAL), await currentState(ORIGINAL)]).toEqual(['loaded', 'launched', 'loaded']);
  });

  it('is told as it is to every other client, and when it was stopped before', async () => {
    await set('loaded');
    expect(await currentState(ORIGINAL)).toBe('loaded');
    await set('loaded', ORIGINAL);
    expect(await currentState(ORIGINAL)).toBe('loaded');
  });

  it('is told as it is when it is still launched, and then when it is stopped', async () => {
    expect((await server.request('PUT', PATH, { desiredState: 'loaded' }, ORIGINAL)).status).toBe(204);
    expect(await currentState(ORIGINAL)).toBe('launched');
    await cluster.report('a.service', 'm1');
    while ((await currentState()) !== 'loaded');
    expect(await currentState(ORIGINAL)).toBe('loaded');
  });
});

describe('stops to tell', () => {
  it('are forgotten when nobody asks', async () => {
    const clock = new FakeClock();
    const stops = new StopsToTell(clock);
    stops.begin('a.service');
    await clock.advance(9_000);
    stops.begin('b.service');
    await clock.advance(2_000);
    stops.begin('c.service');
    expect(['a.service', 'b.service', 'b.service', 'c.service'].map((name) => stops.take(name))).toEqual([false, true, false, true]);
  });
});
