import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { exchange, formatRequest, startTestServer, TestCluster } from '../testing/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-streams-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const CHANGES = 'GET /fleet/v2/changes HTTP/1.1\r\nHost: x\r\n\r\n';
const MACHINES_ONLY = 'GET /fleet/v2/changes?kinds=machines HTTP/1.1\r\nHost: x\r\n\r\n';
/** No answer may take longer, on a machine that is busy with other tests too. */
const PATIENCE_MS = 2_000;

class Reader {
  readonly socket: Socket;
  closed = false;
  #tail = '';

  constructor(path: string, request: string) {
    this.socket = connect(path, () => this.socket.write(request));
    this.socket.on('error', () => undefined).on('close', () => (this.closed = true));
    this.socket.on('data', (data: Buffer) => (this.#tail = (this.#tail + data.toString('latin1')).slice(-2_000)));
  }

  /** Whether this was among the last things that came. */
  has(text: string): boolean {
    return this.#tail.includes(text);
  }
}

describe('a thousand idle streams, and some that do not read', () => {
  it('hurt neither each other nor anybody else', async () => {
    await using server = await startTestServer({ limits: { streamBufferBytes: 256 * 1024 } });
    const path = join(directory, 'api.sock');
    await server.server.listen([{ kind: 'unix', path }]);
    const cluster = new TestCluster(server.registry);
    await cluster.join('m1');
    const count = async (line: string): Promise<number> => Number((await server.server.metrics.expose()).split('\n').find((text) => text.startsWith(`${line} `))?.slice(line.length) ?? 0);

    // All at once, as after a restart of the daemon.
    const idle = Array.from({ length: 1_000 }, () => new Reader(path, MACHINES_ONLY));
    const followers = Array.from({ length: 10 }, () => new Reader(path, CHANGES));
    const slow = Array.from({ length: 50 }, () => new Reader(path, CHANGES));
    await waitUntil('all streams', async () => (await count('fleet_api_streams')) === 1_060, { deadlineMs: 20_000 });
    for (const { socket } of slow) socket.pause();

    const ask = async (method: string, target: string, body?: unknown): Promise<number> => {
      const started = performance.now();
      const text = body === undefined ? null : JSON.stringify(body);
      const answer = await exchange({ path }, formatRequest({ method, path: target, headers: text === null ? {} : { 'Content-Type': 'application/json' }, body: text }));
      expect(answer?.status).toBeLessThan(300);
      return performance.now() - started;
    };
    // Names of 200 letters: a few hundred changes fill what the kernel and the server hold for a stream.
    const names = Array.from({ length: 200 }, (_, index) => `${index}-${'n'.repeat(200)}.service`);
    const took: number[] = [];
    for (let round = 0; round < 40 && (await count('fleet_api_streams_closed_total{reason="slow"}')) < slow.length; round += 1) {
      const writing = round % 2 === 0 ? ask('POST', '/fleet/v2/units:submit', { units: names.map((name) => ({ name, text: '[Unit]\nDescription=x\n' })) }) : ask('POST', '/fleet/v2/units:destroy', { names });
      took.push(...(await Promise.all([ask('GET', '/fleet/v1/machines'), ask('GET', '/healthz'), ask('GET', '/fleet/v1/state'), ask('PUT', '/fleet/v1/units/beside.service', { options: [{ section: 'Service', name: 'ExecStart', value: `/bin/${round}` }] })])));
      await writing;
    }
    expect(await count('fleet_api_streams_closed_total{reason="slow"}')).toBe(slow.length);
    expect(Math.max(...took)).toBeLessThan(PATIENCE_MS);

    await cluster.join('m2');
    const others = [...idle, ...followers];
    await waitUntil('the last change everywhere', () => others.every((reader) => reader.has('"id":"m2"')), { deadlineMs: 20_000 });
    expect(others.filter(({ closed }) => closed)).toEqual([]);
    expect(await count('fleet_api_streams')).toBe(others.length);
    for (const { socket } of [...others, ...slow]) socket.destroy();
    await waitUntil('no stream to be left', async () => (await count('fleet_api_streams')) === 0, { deadlineMs: 20_000 });
  }, 90_000);
});

describe('what lies unread', () => {
  it.each([
    ['an answer', 'GET /fleet/v2/units HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20)],
    ['a stream', CHANGES],
  ])('ends its connection after a while: %s', async (_title, request) => {
    await using server = await startTestServer({ limits: { unreadTimeoutMs: 400, streamBufferBytes: 1024 * 1024 * 1024 } });
    const path = join(directory, 'api.sock');
    await server.server.listen([{ kind: 'unix', path }]);
    const units = Array.from({ length: 1_000 }, (_, index) => ({ name: `${index}-${'n'.repeat(200)}.service`, text: '[Unit]\nDescription=x\n' }));
    expect((await server.request('POST', '/fleet/v2/units:submit', { units })).status).toBe(200);
    const before = pipes();
    // One that reads is let be: changes come more often than that.
    const reader = new Reader(path, CHANGES);
    const stuck = new Reader(path, request);
    stuck.socket.pause();
    const change = async (): Promise<void> => {
      expect((await server.request('PUT', '/fleet/v1/units/alive.service', { options: [{ section: 'Unit', name: 'Description', value: String(performance.now()) }] })).status).toBe(201);
    };
    await waitUntil('both connections', async () => {
      await change();
      return reader.has('alive.service') && pipes() === before + 4;
    });
    // The client's end of it stays, since it does not look.
    await waitUntil('the connection to be ended', async () => {
      await change();
      return pipes() === before + 3;
    });
    expect([reader.closed, stuck.closed]).toEqual([false, false]);
    for (const { socket } of [reader, stuck]) socket.destroy();
  }, 60_000);
});

/** Ends of unix sockets in this process, clients' and servers'. */
function pipes(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap').length;
}
