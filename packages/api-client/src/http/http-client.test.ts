import { createServer, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { createTransport } from '../transports/create-transport.ts';
import { HttpClient } from './http-client.ts';

let folder: string;
let server: Server;
let client: HttpClient;
/** What each connection is answered with, in order; what it sent is kept. */
let connections: ((socket: Socket, request: string) => void)[];
let received: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'http-client-'));
  connections = [];
  received = [];
  let count = 0;
  server = createServer((socket) => {
    const answer = connections[count] ?? connections.at(-1);
    count += 1;
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      received.push(data.toString('utf8'));
      answer?.(socket, data.toString('utf8'));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
  client = new HttpClient({ transport: createTransport({ endpoint: `unix://${join(folder, 's')}` }), requestTimeoutMs: 200, maxBodyBytes: 100, userAgent: 'test' });
});
afterEach(async () => {
  client.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const answer = (body: string) => (socket: Socket): void => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
const hangUp = (socket: Socket): void => void socket.destroy();

describe('HttpClient', () => {
  it('sends what it is told, JSON with its length', async () => {
    connections = [answer('{}')];
    await client.request({ method: 'PUT', path: '/x?y=1', body: { a: 'ü' }, headers: { 'Fleet-Min-Revision': '7' } });
    expect(received).toEqual(['PUT /x?y=1 HTTP/1.1\r\nHost: domain-sock\r\nUser-Agent: test\r\nFleet-Min-Revision: 7\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"a":"ü"}\n']);
  });

  it('does not pile up a stream that nobody reads, and misses nothing of it', async () => {
    const size = 64 * 1024 * 1024;
    let waiting = (): number => 0;
    connections = [
      (socket) => {
        waiting = () => socket.writableLength;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        for (let sent = 0; sent < size; sent += 1024 * 1024) socket.write(Buffer.alloc(1024 * 1024));
      },
    ];
    const stream = await client.stream({ method: 'GET', path: '/' });
    let before = -1;
    await waitUntil('the server to be held up', () => {
      const held = waiting() > 0 && waiting() === before;
      before = waiting();
      return held;
    });
    expect(waiting()).toBeGreaterThan(size / 2);
    let read = 0;
    for await (const chunk of stream.body) read += chunk.length;
    expect(read).toBe(size);
  });

  it('keeps its connection', async () => {
    connections = [answer('one'), answer('other connection')];
    for (let times = 0; times < 3; times += 1) expect((await client.request({ method: 'GET', path: '/' })).body).toBe('one');
  });

  it('repeats a GET once when the connection breaks, and says EOF when that does not help', async () => {
    connections = [hangUp, answer('second')];
    expect((await client.request({ method: 'GET', path: '/' })).body).toBe('second');
    client.close();
    client = new HttpClient({ transport: createTransport({ endpoint: `unix://${join(folder, 's')}` }), requestTimeoutMs: 200, maxBodyBytes: 100, userAgent: 'test' });
    connections = [hangUp];
    await expect(client.request({ method: 'GET', path: '/fleet' })).rejects.toMatchObject({ code: 'REQUEST_FAILED', message: 'Get "http://domain-sock/fleet": EOF' });
  });

  it('never repeats a write', async () => {
    connections = [hangUp, answer('second')];
    await expect(client.request({ method: 'DELETE', path: '/x' })).rejects.toMatchObject({ message: 'Delete "http://domain-sock/x": EOF' });
    expect(received).toHaveLength(1);
  });

  it('gives up at its deadline', async () => {
    connections = [() => undefined];
    await expect(client.request({ method: 'PUT', path: '/x' })).rejects.toMatchObject({ message: 'Put "http://domain-sock/x": no answer within 0.2s', kind: 'unavailable' });
  });

  it('ends with the reason of the signal, aborted before and during', async () => {
    connections = [() => undefined];
    const reason = new Error('enough');
    await expect(client.request({ method: 'GET', path: '/', signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const request = client.request({ method: 'GET', path: '/', signal: controller.signal });
    controller.abort(reason);
    await expect(request).rejects.toBe(reason);
  });

  it('does not take more than it was told to', async () => {
    connections = [answer('x'.repeat(101))];
    await expect(client.request({ method: 'PUT', path: '/' })).rejects.toMatchObject({ message: expect.stringContaining('larger than 100 bytes') as unknown });
  });

  it('refuses what is not HTTP', async () => {
    connections = [(socket) => void socket.write('SSH-2.0-OpenSSH\r\n\r\n')];
    await expect(client.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ message: expect.stringContaining('malformed HTTP response') as unknown });
  });

  it('streams, and hangs up when the reader has enough', async () => {
    let closed = false;
    connections = [
      (socket) => {
        socket.once('close', () => (closed = true));
        socket.write('HTTP/1.1 200 OK\r\n\r\nfirst');
      },
    ];
    const { status, body } = await client.stream({ method: 'GET', path: '/' });
    expect(status).toBe(200);
    for await (const chunk of body) {
      expect(chunk.toString()).toBe('first');
      break;
    }
    while (!closed) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('failures to connect', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-http-client-'));
  const file = join(directory, 'file');
  writeFileSync(file, '');
  afterAll(() => rmSync(directory, { recursive: true }));
  const rows: readonly (readonly [string, string, string])[] = [
    ['no socket', 'unix:///nonexistent.sock', 'Get "http://domain-sock/m": dial unix /nonexistent.sock: connect: no such file or directory'],
    ['nobody listens', 'http://127.0.0.1:9/prefix', 'Get "http://127.0.0.1:9/prefix/m": dial tcp 127.0.0.1:9: connect: connection refused'],
    ['a file', `unix://${file}`, `Get "http://domain-sock/m": dial unix ${file}: connect: connection refused`],
  ];
  for (const [name, endpoint, message] of rows) {
    it(name, async () => {
      const lost = new HttpClient({ transport: createTransport({ endpoint }), requestTimeoutMs: 200, maxBodyBytes: 100, userAgent: 'test' });
      await expect(lost.request({ method: 'GET', path: '/m' })).rejects.toMatchObject({ code: 'REQUEST_FAILED', message });
    });
  }
});
