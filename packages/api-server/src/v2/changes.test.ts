import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChangeEvent, EntityChange } from '@fleet/api';
import { waitUntil } from '@fleet/runtime/testing';
import { EventStream, startTestServer, TestCluster, type TestServer } from '../testing/index.ts';

const PATH = '/fleet/v2/changes';
const isProgress = (event: ChangeEvent): boolean => event.kind === 'progress';
const shortly = ({ event }: { readonly event: ChangeEvent }): string => ('id' in event ? `${event.kind} ${event.id}${event.value === null ? ' gone' : ''}` : event.kind);

let server: TestServer;
let cluster: TestCluster;

beforeEach(async () => {
  server = await startTestServer();
  cluster = new TestCluster(server.registry);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

describe('the change stream', () => {
  it('starts with all there is, then follows', async () => {
    await cluster.join('m1');
    await cluster.create('a.service');
    using stream = await EventStream.open(server.address, PATH);
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache', server: 'fleetd/v1.0.0' });
    const [reset, progress] = await stream.until(isProgress);
    expect(reset?.event).toMatchObject({ kind: 'reset', units: [{ name: 'a.service' }], machines: [{ id: 'm1' }], states: [] });
    expect(progress?.event).toEqual({ kind: 'progress', revision: Number(progress?.id) });

    await cluster.place('a.service', 'm1');
    await cluster.report('a.service', 'm1');
    const placed = await stream.next();
    expect(placed?.event).toMatchObject({ kind: 'unit', value: { machineID: 'm1', currentState: 'inactive' } });
    const reported = await stream.until(({ kind }) => kind === 'state');
    expect(reported.map(({ id, event }) => [event.kind, id])).toEqual([['unit', undefined], ['state', String(reported[1]?.event.revision)]]);
    expect(reported[0]?.event).toMatchObject({ value: { currentState: 'launched' } });
    expect(reported[1]?.event).toMatchObject({ id: 'm1/a.service', value: { active: 'active', sub: 'running' } });

    expect((await server.request('DELETE', '/fleet/v1/units/a.service')).status).toBe(204);
    expect((await stream.next())?.event).toMatchObject({ kind: 'unit', id: 'a.service', value: null });
    await cluster.leave('m1');
    const left = await stream.until(({ kind }) => kind === 'machine');
    expect(left.at(-1)?.event).toMatchObject({ id: 'm1', value: null });
  });

  it('resumes from a revision, by query or by Last-Event-ID', async () => {
    using first = await EventStream.open(server.address, PATH);
    const since = (await first.until(isProgress)).at(-1)?.id ?? '';
    for (const name of ['a', 'b', 'c']) await cluster.create(`${name}.service`);
    const seen = await first.until((event) => (event as EntityChange).id === 'c.service');
    expect(seen.map(shortly)).toEqual(['unit a.service', 'unit b.service', 'unit c.service']);

    using byQuery = await EventStream.open(server.address, `${PATH}?since=${since}`);
    expect((await byQuery.until(isProgress)).map(shortly)).toEqual(['unit a.service', 'unit b.service', 'unit c.service', 'progress']);
    using byHeader = await EventStream.open(server.address, `${PATH}?since=${since}`, { 'Last-Event-ID': seen[1]?.id ?? '' });
    expect((await byHeader.until(isProgress)).map(shortly)).toEqual(['unit c.service', 'progress']);
  });

  it.each([
    ['is too old', '1'],
    ['is from another cluster', '99999999'],
  ])('starts again when the revision %s', async (_name, since) => {
    await using quick = await startTestServer({ store: server.store, readTimeoutMs: 500 });
    await cluster.create('a.service');
    await cluster.create('b.service');
    await waitUntil('the cache', async () => (await quick.request('GET', '/fleet/v1/units')).status === 200);
    using stream = await EventStream.open(quick.address, `${PATH}?since=${since}`);
    expect((await stream.until(isProgress)).map(shortly)).toEqual(['reset', 'progress']);
  });

  it('waits for a revision it has not seen yet', async () => {
    using first = await EventStream.open(server.address, PATH);
    const revision = Number((await first.until(isProgress)).at(-1)?.id);
    const opening = EventStream.open(server.address, `${PATH}?since=${revision + 1}`);
    await cluster.create('a.service');
    await cluster.create('b.service');
    using stream = await opening;
    const events = await stream.until((event) => (event as EntityChange).id === 'b.service');
    expect(events.map(shortly)).not.toContain('reset');
    expect(events.map(shortly)).not.toContain('unit a.service');
  });

  it.each([
    ['kinds=machines', ['reset 0 0 1', 'machine m2']],
    ['kinds=units,states&name=a*', ['reset 1 0 0', 'unit a1.service', 'state m1/a1.service']],
    ['kinds=states', ['reset 0 0 0', 'state m1/a1.service']],
    ['name=b*', ['reset 1 0 1', 'unit b1.service', 'machine m2']],
  ])('sends only what %s asks for', async (query, expected) => {
    await cluster.join('m1');
    await cluster.create('a0.service');
    await cluster.create('b0.service');
    using stream = await EventStream.open(server.address, `${PATH}?${query}`);
    const [reset] = await stream.until(isProgress);
    const seen = [reset?.event.kind === 'reset' ? `reset ${reset.event.units.length} ${reset.event.states.length} ${reset.event.machines.length}` : ''];
    await cluster.create('a1.service');
    await cluster.report('a1.service', 'm1');
    await cluster.create('b1.service');
    const last = await (async () => {
      await cluster.join('m2');
      return await cluster.create('c.service');
    })();
    await waitUntil('the last change', async () => (await server.request('GET', '/fleet/v2/units?name=c*', undefined, { 'Fleet-Min-Revision': String(last) })).status === 200);
    for (let index = 1; index < expected.length; index += 1) {
      const event = await stream.next();
      if (event !== null) seen.push(shortly(event));
    }
    expect(seen).toEqual(expected);
  });

  it('says nothing about a change that does not show', async () => {
    await cluster.join('m1');
    await cluster.create('all.service', '[Service]\nExecStart=/bin/a\n\n[X-Fleet]\nGlobal=true\n');
    using stream = await EventStream.open(server.address, `${PATH}?kinds=units`);
    await stream.until(isProgress);
    await cluster.report('all.service', 'm1');
    await cluster.create('z.service');
    expect(shortly((await stream.next())!)).toBe('unit z.service');
  });

  it.each(['since=x', 'kinds=planets', 'name=%5B', 'colour=red'])('refuses %s', async (query) => {
    const answer = await server.request('GET', `${PATH}?${query}`);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { error: expect.objectContaining({ code: 400, name: 'QUERY_INVALID' }) as unknown }]);
  });

  it('needs HTTP/1.1, whose framing it uses', async () => {
    const answer = await server.send(`GET ${PATH} HTTP/1.0\r\nHost: x\r\n\r\n`);
    expect([answer?.status, JSON.parse(answer?.body ?? '')]).toEqual([400, { error: expect.objectContaining({ name: 'HTTP_VERSION' }) as unknown }]);
  });

  it('ends streams in good order when the server ends', async () => {
    using stream = await EventStream.open(server.address, PATH);
    await stream.until(isProgress);
    await server.server.close();
    expect(await stream.next()).toBeNull();
  });
});

describe('a client that does not read', () => {
  it('is cut without harm to others, and can resume', async () => {
    await using small = await startTestServer({ store: server.store, limits: { streamBufferBytes: 64 * 1024 } });
    using reader = await EventStream.open(small.address, PATH);
    await reader.until(isProgress);
    const slow = connect(small.address);
    slow.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(slow, 'readable');
    slow.pause();
    const gone = once(slow, 'close');
    slow.on('error', () => undefined);
    const text = `[Unit]\nDescription=${'x'.repeat(1_000)}\n`;
    // The summary carries names only, so the volume comes from many units with long names.
    const names = Array.from({ length: 250 }, (_, index) => `${String(index).padStart(3, '0')}${'n'.repeat(200)}.service`);
    const isCut = async (): Promise<boolean> => (await small.server.metrics.expose()).includes('fleet_api_streams_closed_total{reason="slow"} 1');
    for (let round = 0; round < 40 && !(await isCut()); round += 1) {
      const body = round % 2 === 0 ? { units: names.map((name) => ({ name, text })) } : { names };
      expect((await small.request('POST', `/fleet/v2/units:${round % 2 === 0 ? 'submit' : 'destroy'}`, body)).status).toBe(200);
    }
    await waitUntil('the slow client to be cut', isCut);
    slow.resume();
    await gone;
    const last = await cluster.create('zz.service');
    const events = await reader.until((event) => event.revision >= last);
    expect(shortly(events.at(-1)!)).toBe('unit zz.service');
  }, 60_000);
});

describe('many streams', () => {
  it('get the same events, and are let go when their clients leave', async () => {
    const streams = await Promise.all(Array.from({ length: 200 }, () => EventStream.open(server.address, PATH)));
    await Promise.all(streams.map((stream) => stream.until(isProgress)));
    expect(await server.server.metrics.expose()).toContain('fleet_api_streams 200\n');
    const revision = await cluster.create('a.service');
    const last = await Promise.all(streams.map((stream) => stream.until((event) => event.revision === revision)));
    expect(new Set(last.map((events) => JSON.stringify(events))).size).toBe(1);
    for (const stream of streams) stream[Symbol.dispose]();
    await waitUntil('the streams to be gone', async () => (await server.server.metrics.expose()).includes('fleet_api_streams 0\n'));
  });

  it('are refused beyond the limit', async () => {
    await using small = await startTestServer({ store: server.store, limits: { streams: 1 } });
    using stream = await EventStream.open(small.address, PATH);
    await stream.until(isProgress);
    const answer = await small.request('GET', PATH);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([503, { error: expect.objectContaining({ name: 'TOO_MANY_STREAMS' }) as unknown }]);
  });
});
