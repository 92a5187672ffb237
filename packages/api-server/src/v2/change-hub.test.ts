import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger, systemClock } from '@fleet/runtime';
import { FakeClock, waitUntil } from '@fleet/runtime/testing';
import { ClusterView } from '../cache/cluster-view.ts';
import { UnitTexts } from '../cache/texts.ts';
import { createFleetMetrics } from '../metrics/fleet-metrics.ts';
import { EventStream, TestCluster } from '../testing/index.ts';
import { ChangeHub } from './change-hub.ts';
import { ChangeLog } from './change-log.ts';

describe('ChangeHub', () => {
  it('sends a sign of life every 15 seconds, with the revision if it moved without a change for this stream', async () => {
    await using store = createMemoryStore();
    const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
    const cluster = new TestCluster(registry);
    const stop = new AbortController();
    const clock = new FakeClock();
    const view = new ClusterView(await registry.openMirror({ kind: 'cluster' }, { signal: stop.signal }));
    const hub = new ChangeHub({ clock, metrics: createFleetMetrics({ processMetrics: false }).http, limits: { streams: 10, streamBufferBytes: 1_000_000 } });
    hub.attach(view, new UnitTexts({ readText: (hash) => registry.readText(hash) }));
    const released: string[] = [];
    const server = createServer((_request, response: ServerResponse) => {
      hub.open(response, { since: undefined, filter: { key: 'machines', kinds: new Set(['machines']), name: null } }, () => released.push('released'));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { address, port } = server.address() as AddressInfo;
    using stream = await EventStream.open({ host: address, port }, '/');
    await stream.until(({ kind }) => kind === 'progress');
    await clock.advance(15_000);
    await waitUntil('a comment', () => stream.comments === 1);
    const revision = await cluster.create('a.service');
    await waitUntil('the view', () => view.revision >= revision);
    await clock.advance(15_000);
    expect((await stream.next())?.event).toEqual({ kind: 'progress', revision: view.revision });
    hub.close();
    expect(await stream.next()).toBeNull();
    expect(released).toEqual(['released']);
    expect(clock.pending).toBe(0);
    server.close();
    stop.abort(new Error('over'));
  });
});

describe('a slow client', () => {
  it('may take its time for the snapshot, and is cut when what comes after it piles up', async () => {
    await using store = createMemoryStore();
    const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
    const cluster = new TestCluster(registry);
    for (let index = 0; index < 20; index += 1) await cluster.create(`${index}.service`);
    const stop = new AbortController();
    const view = new ClusterView(await registry.openMirror({ kind: 'cluster' }, { signal: stop.signal }));
    const metrics = createFleetMetrics({ processMetrics: false });
    const clock = new FakeClock();
    const hub = new ChangeHub({ clock, metrics: metrics.http, limits: { streams: 10, streamBufferBytes: 1_000 } });
    hub.attach(view, new UnitTexts({ readText: (hash) => registry.readText(hash) }));
    const server = createServer((_request, response: ServerResponse) => {
      // Nothing leaves this machine any more, as for a client that does not read.
      response.socket?.cork();
      hub.open(response, { since: undefined, filter: null }, () => undefined);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { address, port } = server.address() as AddressInfo;
    const client = connect(port, address, () => client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).on('error', () => undefined);
    await waitUntil('the stream', () => hub.size === 1);
    const cut = async (): Promise<boolean> => (await metrics.expose()).includes('fleet_api_streams_closed_total{reason="slow"} 1');
    const seen = await cluster.create('first.service');
    await waitUntil('the view', () => view.revision >= seen);
    await clock.advance(10);
    expect([hub.size, await cut()]).toEqual([1, false]);
    for (let index = 0; index < 10 && hub.size === 1; index += 1) {
      const revision = await cluster.create(`more-${index}.service`);
      await waitUntil('the view', () => view.revision >= revision);
      await clock.advance(10);
    }
    expect([hub.size, await cut()]).toEqual([0, true]);
    client.destroy();
    server.close();
    hub.close();
    stop.abort(new Error('over'));
  });
});

describe('ChangeLog', () => {
  it('keeps within its bounds and knows how far it reaches back', async () => {
    await using store = createMemoryStore();
    const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
    const cluster = new TestCluster(registry);
    const stop = new AbortController();
    const view = new ClusterView(await registry.openMirror({ kind: 'cluster' }, { signal: stop.signal }));
    const log = new ChangeLog(view, new UnitTexts({ readText: (hash) => registry.readText(hash) }), { batches: 10, characters: 1_000_000 });
    const start = view.revision;
    view.subscribe((change) => log.append(change));
    const revisions: number[] = [];
    for (let index = 0; index < 25; index += 1) revisions.push(await cluster.create(`u${index}.service`));
    await waitUntil('all changes', () => log.end === 25);
    expect(log.positionAfter(start)).toBeNull();
    expect(log.from(0)).toBeNull();
    const position = log.positionAfter(revisions[21]!);
    expect(position).toBe(22);
    expect(log.from(position!)?.map(({ revision }) => revision)).toEqual(revisions.slice(22));
    expect(log.positionAfter(revisions[24]!)).toBe(25);
    stop.abort(new Error('over'));
  });
});
