// Requests per second and latency of the API, beside bare node:http with the same bytes and etcd's own put, in one run.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { createApiServer, type ApiServer } from '@fleet/api-server';
import { createRegistry, type Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { createEtcdStore } from '@fleet/registry/etcd';
// Not through the testing entry point, which only loads inside jest.
import { hasEtcd, startTestEtcd } from '../../registry/src/testing/test-etcd.ts';
import { silentLogger, systemClock } from '@fleet/runtime';
import { exchange } from '@fleet/api-server/testing';
import type { LoadRequest, LoadResult, StreamRequest } from './load.ts';

const DURATION_MS = Number(process.env.BENCH_MS ?? 2_500);
const worker = new Worker(new URL('./load.ts', import.meta.url), { execArgv: process.execArgv });

/** With the processor time of the serving thread, which a busy computer changes less than the rate. */
type Measured = LoadResult & { readonly cpuUs: number };

const threadCpuUs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

async function run(message: LoadRequest | StreamRequest, whenReady?: () => void): Promise<Measured> {
  const before = threadCpuUs();
  const result = await runInWorker(message, whenReady);
  return { ...result, cpuUs: (threadCpuUs() - before) / result.count };
}

async function runInWorker(message: LoadRequest | StreamRequest, whenReady?: () => void): Promise<LoadResult> {
  return await new Promise((resolve, reject) => {
    const onMessage = (result: LoadResult | 'ready'): void => {
      if (result === 'ready') {
        whenReady?.();
        return;
      }
      worker.off('message', onMessage);
      resolve(result);
    };
    worker.on('message', onMessage);
    worker.removeAllListeners('error').once('error', reject);
    worker.postMessage(message);
  });
}

async function startApi(store: Store): Promise<{ readonly server: ApiServer; readonly port: number }> {
  const server = createApiServer({
    registry: createRegistry(store, { clock: systemClock, logger: silentLogger }),
    version: 'v1.0.0',
    clock: systemClock,
    logger: silentLogger,
    availability: { available: () => true },
  });
  const [listener] = await server.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0 }]);
  if (listener === undefined || typeof listener.address === 'string') throw new Error('not listening');
  return { server, port: listener.address.port };
}

/** A server that answers every request with the same bytes, headers like ours included. */
async function startBare(body: Buffer): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { Server: 'fleetd/v1.0.0', 'Fleet-Revision': '1', 'Content-Type': 'application/json', 'Content-Length': body.length });
    response.end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: google-api-go-client/0.5\r\nAccept-Encoding: gzip\r\n\r\n`;
const rate = ({ count, seconds }: Measured): number => count / seconds;
const show = (result: Measured): string => `${Math.round(rate(result)).toString().padStart(7)}/s   p50 ${result.p50Ms.toFixed(2).padStart(7)} ms   p99 ${result.p99Ms.toFixed(2).padStart(7)} ms   ${result.cpuUs.toFixed(0).padStart(4)} µs of processor`;

function print(what: string, ours: Measured, theirs: Measured, name: string): void {
  console.log(`${what}\n  fleet      ${show(ours)}\n  ${name.padEnd(10)} ${show(theirs)}\n  ratio      ${(rate(ours) / rate(theirs)).toFixed(2)} of its rate, ${(ours.cpuUs / theirs.cpuUs).toFixed(2)} of its processor time`);
}

/** Alternates the two, so that a slow moment of the machine hits both. */
async function compare(what: string, name: string, ours: LoadRequest, theirs: LoadRequest): Promise<void> {
  const rounds: [Measured, Measured][] = [];
  await run({ ...ours, durationMs: 500 });
  await run({ ...theirs, durationMs: 500 });
  for (let round = 0; round < 3; round += 1) rounds.push([await run(ours), await run(theirs)]);
  rounds.sort(([a, b], [c, d]) => rate(a) / rate(b) - rate(c) / rate(d));
  const [middle] = rounds.slice(1);
  if (middle !== undefined) print(what, middle[0], middle[1], name);
}

async function benchReads(): Promise<void> {
  await using store = createMemoryStore();
  const { server, port } = await startApi(store);
  const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
  await fillWithUnits(port, 100);
  const cases = [
    ['page of 100 units', '/fleet/v1/units?alt=json'],
    ['single unit', '/fleet/v1/units/web%4042.service?alt=json'],
    ['state listing, empty', '/fleet/v1/state'],
  ] as const;
  for (const [what, path] of cases) {
    const answer = await exchange({ port, host: '127.0.0.1' }, Buffer.from(get(path).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')));
    const bare = await startBare(Buffer.from(answer?.body ?? ''));
    const load = { kind: 'requests', request: get(path), connections: 32, durationMs: DURATION_MS } as const;
    await compare(`${what} (${answer?.body.length ?? 0} bytes, 32 connections)`, 'node:http', { ...load, port }, { ...load, port: bare.port });
    bare.server.close();
  }

  await fillWithUnits(port, 10_000);
  const pages = async (): Promise<number> => {
    const started = performance.now();
    for (let page = 1; page <= 100; page += 1) {
      const token = Buffer.from([100, 0, page, 0]).toString('base64url');
      await exchange({ port, host: '127.0.0.1' }, Buffer.from(get(`/fleet/v1/units?nextPageToken=${token}==`).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')));
    }
    return performance.now() - started;
  };
  const first = await pages();
  const second = await pages();
  await registry.changeUnits([{ kind: 'target', name: 'web@7.service' as never, targetState: 'loaded' }], { atomic: false });
  const third = await pages();
  console.log(`10,000 units, 100 pages one by one: first ${first.toFixed(0)} ms, again ${second.toFixed(0)} ms, after one change ${third.toFixed(0)} ms`);
  await server.close();
}

async function fillWithUnits(port: number, count: number): Promise<void> {
  for (let start = 0; start < count; start += 500) {
    const units = Array.from({ length: Math.min(500, count - start) }, (_, index) => ({
      name: `web@${start + index}.service`,
      text: `[Unit]\nDescription=web server ${start + index}\nAfter=network.target\n\n[Service]\nExecStart=/usr/bin/web --port ${start + index}\nRestart=always\n\n[X-Fleet]\nConflicts=web@*.service\n`,
    }));
    const body = JSON.stringify({ units });
    const head = `POST /fleet/v2/units:submit HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const answer = await exchange({ port, host: '127.0.0.1' }, Buffer.from(head + body), 60_000);
    if (answer?.status !== 200) throw new Error(`units cannot be created: ${answer?.body.slice(0, 300) ?? ''}`);
  }
}

async function benchWrites(): Promise<void> {
  if (!hasEtcd()) {
    console.log('PUT on etcd: skipped, no etcd in PATH');
    return;
  }
  await using etcd = await startTestEtcd();
  await using store = createEtcdStore({ endpoints: etcd.endpoints });
  const { server, port } = await startApi(store);
  // The same number of bytes as a unit record and its text, by one put each, through the same client library.
  const proxy = createServer((request, response: ServerResponse) => {
    request.resume();
    store.transaction({ compare: [], operations: [{ kind: 'put', key: `/bench/${request.url ?? ''}`, value: 'x'.repeat(200) }] }).then(
      () => response.writeHead(204).end(),
      () => response.writeHead(500).end(),
    );
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const body = '{"options":[{"name":"ExecStart","section":"Service","value":"/bin/sleep 60"}]}';
  const request = (path: string): string => `PUT ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (const connections of [1, 32]) {
    const load = { kind: 'requests', connections, durationMs: DURATION_MS } as const;
    const batch = String(Date.now());
    await compare(
      `PUT of a new unit on etcd (${connections} connections)`,
      'etcd put',
      { ...load, port, request: request(`/fleet/v1/units/u${batch}-{r}-{n}.service`) },
      { ...load, port: (proxy.address() as AddressInfo).port, request: request('/u{n}') },
    );
  }
  proxy.close();
  await server.close();
}

async function benchStreams(): Promise<void> {
  const streams = 1_000;
  const events = 300;
  const rateHz = 100;
  await using store = createMemoryStore();
  const { server, port } = await startApi(store);
  const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
  const stamp = (): string => `t${Math.round((performance.timeOrigin + performance.now()) * 1000)}.service`;
  const steady = async (step: () => void): Promise<void> => {
    const started = performance.now();
    for (let index = 0; index < events; index += 1) {
      step();
      const wait = started + ((index + 1) * 1000) / rateHz - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
  let busy = performance.eventLoopUtilization();
  const ours = await run({ kind: 'streams', port, request: get('/fleet/v2/changes'), connections: streams, events }, () => {
    busy = performance.eventLoopUtilization();
    void steady(() => {
      void registry.changeUnit({ kind: 'create', name: stamp() as never, text: '[Service]\nExecStart=/bin/a\n', hash: '8d5eb1d6a4b4d4f4ae3e5a3f7a3b1f4e6c1d2a3b' as never, global: false, targetState: 'inactive' });
    });
  });
  const oursBusy = performance.eventLoopUtilization(busy).utilization;
  await server.close();

  const clients = new Set<ServerResponse>();
  const bare = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(': hello\n\n');
    clients.add(response);
    response.on('close', () => clients.delete(response));
  });
  await once(bare.listen(0, '127.0.0.1'), 'listening');
  const theirs = await run({ kind: 'streams', port: (bare.address() as AddressInfo).port, request: get('/'), connections: streams, events }, () => {
    busy = performance.eventLoopUtilization();
    void steady(() => {
      const name = stamp();
      const data = JSON.stringify({ kind: 'unit', id: name, revision: 1, value: { name, hash: '8d5eb1d6a4b4d4f4ae3e5a3f7a3b1f4e6c1d2a3b', desiredState: 'inactive', currentState: 'inactive', global: false, generation: 1 } });
      const bytes = Buffer.from(`id: 1\nevent: unit\ndata: ${data}\n\n`);
      for (const client of clients) client.write(bytes);
    });
  });
  const theirsBusy = performance.eventLoopUtilization(busy).utilization;
  bare.close();
  console.log(`${streams} streams, ${rateHz} changes a second, ${events} changes each; from change to client`);
  console.log(`  fleet      ${ours.count} events   p50 ${ours.p50Ms.toFixed(1)} ms   p99 ${ours.p99Ms.toFixed(1)} ms   ${ours.cpuUs.toFixed(1)} µs of processor each   thread ${(oursBusy * 100).toFixed(0)} % busy`);
  console.log(`  node:http  ${theirs.count} events   p50 ${theirs.p50Ms.toFixed(1)} ms   p99 ${theirs.p99Ms.toFixed(1)} ms   ${theirs.cpuUs.toFixed(1)} µs of processor each   thread ${(theirsBusy * 100).toFixed(0)} % busy`);
}

await benchReads();
await benchStreams();
await benchWrites();
await worker.terminate();
