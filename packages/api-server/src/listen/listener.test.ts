import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { startTestServer, type TestServer } from '../testing/index.ts';
import { checkListener, systemdListeners, type ListenerSpec } from './specs.ts';

let directory: string;
let server: TestServer;
const lines: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-api-'));
  lines.length = 0;
  server = await startTestServer({ logger: createLogger({ level: () => 'info', format: 'text', write: (line) => lines.push(line) }) });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function getStatus(options: RequestOptions, request: typeof httpsRequest = httpRequest): Promise<number> {
  return await new Promise((resolve, reject) => {
    request({ path: '/fleet/v1/units', agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

/** A socket file that nobody serves, as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script]), 'exit');
}

describe('a unix socket', () => {
  it('has mode 0660 and is removed at the end', async () => {
    const path = join(directory, 'fleet.sock');
    await server.server.listen([{ kind: 'unix', path }]);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(await getStatus({ socketPath: path })).toBe(200);
    await server.server.close();
    expect(() => statSync(path)).toThrow('ENOENT');
  });

  it('belongs to the group asked for, by name or number', async () => {
    const gid = process.getgid?.() ?? 0;
    const name = readFileSync('/etc/group', 'utf8').split('\n').find((line) => line.split(':')[2] === String(gid))?.split(':')[0];
    await server.server.listen([
      { kind: 'unix', path: join(directory, 'a.sock'), group: String(gid), mode: 0o600 },
      ...(name === undefined ? [] : [{ kind: 'unix' as const, path: join(directory, 'b.sock'), group: name }]),
    ]);
    expect(statSync(join(directory, 'a.sock'))).toMatchObject({ gid });
    expect(statSync(join(directory, 'a.sock')).mode & 0o777).toBe(0o600);
  });

  it('that a dead process left is replaced', async () => {
    const path = join(directory, 'fleet.sock');
    await leaveStaleSocket(path);
    expect(statSync(path).isSocket()).toBe(true);
    await server.server.listen([{ kind: 'unix', path }]);
    expect(await getStatus({ socketPath: path })).toBe(200);
  });

  it('that is live is left alone, with its path and the remedy in the message', async () => {
    const path = join(directory, 'fleet.sock');
    const other: Server = createServer((socket) => socket.on('error', () => undefined).end('still here'));
    await once(other.listen(path), 'listening');
    await expect(server.server.listen([{ kind: 'unix', path }])).rejects.toMatchObject({
      code: 'SOCKET_IN_USE',
      kind: 'conflict',
      message: `socket ${path} is in use by another process`,
      remedy: expect.stringContaining('stop the other fleetd') as unknown,
    });
    const socket = connect(path);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(String(data)).toBe('still here');
    socket.destroy();
    other.close();
  });

  it('does not remove a socket that another process has put in its place', async () => {
    const path = join(directory, 'fleet.sock');
    await server.server.listen([{ kind: 'unix', path }]);
    rmSync(path);
    const other = createServer();
    await once(other.listen(path), 'listening');
    await server.server.close();
    expect(statSync(path).isSocket()).toBe(true);
    other.close();
  });

  it.each<[string, () => ListenerSpec, string]>([
    ['a path that is a file', () => (writeFileSync(join(directory, 'file'), ''), { kind: 'unix', path: join(directory, 'file') }), 'SOCKET_PATH_TAKEN'],
    ['a directory that does not exist', () => ({ kind: 'unix', path: join(directory, 'no/fleet.sock') }), 'SOCKET_FAILED'],
    ['a path that is too long', () => ({ kind: 'unix', path: join(directory, 'x'.repeat(120)) }), 'SOCKET_PATH_TOO_LONG'],
    ['a group that does not exist', () => ({ kind: 'unix', path: join(directory, 'g.sock'), group: 'no-such-group' }), 'GROUP_UNKNOWN'],
  ])('refuses %s', async (_name, spec, code) => {
    await expect(server.server.listen([spec()])).rejects.toMatchObject({ code, remedy: expect.any(String) as unknown });
  });

  it('is not left behind when another of the same call fails', async () => {
    const path = join(directory, 'fleet.sock');
    await expect(server.server.listen([{ kind: 'unix', path }, { kind: 'tcp', host: '192.0.2.1', port: 0 }])).rejects.toMatchObject({ code: 'LISTENER_INSECURE' });
    expect(() => statSync(path)).toThrow('ENOENT');
  });
});

describe('plain TCP', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('is fine on %s', (host) => {
    expect(() => checkListener({ kind: 'tcp', host, port: 0 })).not.toThrow();
  });
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org', '1127.0.0.1', '127.0.0.1.example.org'])('must be asked for by name on %s', (host) => {
    expect(() => checkListener({ kind: 'tcp', host, port: 0 })).toThrow(/without TLS/);
    expect(() => checkListener({ kind: 'tcp', host, port: 0, insecure: true })).not.toThrow();
  });
  it('is warned about at every start', async () => {
    await server.server.listen([{ kind: 'tcp', host: '0.0.0.0', port: 0, insecure: true }]);
    expect(lines.filter((line) => line.startsWith('WARN') && line.includes('without TLS'))).toHaveLength(1);
  });
  it('says which port is taken', async () => {
    await expect(server.server.listen([{ kind: 'tcp', host: '127.0.0.1', port: server.address.port }])).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining('EADDRINUSE') as unknown });
  });
});

describe('TLS', () => {
  const file = (name: string): string => join(import.meta.dirname, '../../testdata/tls', name);
  const read = (name: string): Buffer => readFileSync(file(name));
  const tls = { certFile: file('server.pem'), keyFile: file('server.key'), clientCaFile: file('ca.pem') };

  it('serves clients with a certificate from the CA, and no others', async () => {
    const [listener] = await server.server.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0, tls }]);
    if (listener === undefined || typeof listener.address === 'string') throw new Error('not listening');
    const base = { ...listener.address, ca: read('ca.pem') };
    expect(await getStatus({ ...base, cert: read('client.pem'), key: read('client.key') }, httpsRequest)).toBe(200);
    await expect(getStatus(base, httpsRequest)).rejects.toThrow();
    await expect(getStatus({ ...base, cert: read('stranger.pem'), key: read('stranger.key') }, httpsRequest)).rejects.toThrow();
    await expect(getStatus(listener.address)).rejects.toThrow();
    expect(await getStatus({ ...base, cert: read('client.pem'), key: read('client.key') }, httpsRequest)).toBe(200);
  });

  it('names the file that cannot be read', async () => {
    await expect(server.server.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0, tls: { ...tls, keyFile: '/no/such.key' } }])).rejects.toMatchObject({ code: 'TLS_FILE_UNREADABLE', message: expect.stringContaining('/no/such.key') as unknown });
  });
});

describe('sockets passed by systemd', () => {
  it.each([
    ['for another process', { LISTEN_PID: '41', LISTEN_FDS: '1' }, []],
    ['none', { LISTEN_PID: '42', LISTEN_FDS: '0' }, []],
    ['no number', { LISTEN_PID: '42', LISTEN_FDS: 'x' }, []],
    ['not set', {}, []],
    ['two', { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' }, [{ kind: 'fd', fd: 3 }, { kind: 'fd', fd: 4 }]],
  ])('%s', (_name, env, expected) => {
    expect(systemdListeners(env, 42)).toEqual(expected);
  });

  it('are served, unix and TCP, also where others can reach them', async () => {
    const path = join(directory, 'passed.sock');
    const unix = createServer();
    const tcp = createServer();
    await Promise.all([once(unix.listen(path), 'listening'), once(tcp.listen(0, '0.0.0.0'), 'listening')]);
    chmodSync(path, 0o600);
    const descriptor = (one: Server): number => (one as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
    const { port } = tcp.address() as { readonly port: number };
    // The shell becomes the process that systemd would have started, so it can name itself in LISTEN_PID.
    const script = `LISTEN_PID=$$ exec "$0" --conditions=@fleet/source --disable-warning=ExperimentalWarning "$1"`;
    const child = spawn('/bin/sh', ['-c', script, process.execPath, join(import.meta.dirname, '../../examples/systemd-sockets.ts')], {
      env: { ...process.env, NODE_OPTIONS: '', LISTEN_FDS: '2' },
      stdio: ['ignore', 'ignore', 'pipe', descriptor(unix), descriptor(tcp)],
    });
    let output = '';
    child.stderr?.on('data', (text: Buffer) => (output += String(text)));
    try {
      await waitUntil('both listeners', () => output.match(/API listening/g)?.length === 2).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${output}`);
      });
      // The child accepts on them now; this process must not. Closing removes the path it was bound to, so it moves first.
      const moved = join(directory, 'moved.sock');
      renameSync(path, moved);
      unix.close();
      tcp.close();
      expect(await getStatus({ host: '127.0.0.1', port })).toBe(200);
      expect(await getStatus({ socketPath: moved })).toBe(200);
      // Counts as asked for, and is warned about all the same: others can reach it.
      expect(output.match(/without TLS/g)).toHaveLength(1);
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    expect(child.exitCode).toBe(0);
  });
});

describe('the end', () => {
  it('lets a request in flight finish, then refuses new ones', async () => {
    const socket = connect(server.address);
    const body = JSON.stringify({ options: [{ section: 'Service', name: 'ExecStart', value: '/bin/a' }] });
    socket.write(`PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => (received += String(data)));
    await once(socket, 'connect');
    await waitUntil('the connection', () => server.request('GET', '/healthz'));
    const closing = server.server.close();
    socket.write(body.slice(10));
    await once(socket, 'close');
    await closing;
    expect(received).toMatch(/^HTTP\/1.1 201 Created\r\n/);
    await expect(server.request('GET', '/healthz')).rejects.toThrow();
  });

  it('does not wait for ever', async () => {
    const socket = connect(server.address);
    socket.write('PUT /fleet/v1/units/a.service HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    await waitUntil('the connection', () => server.request('GET', '/healthz'));
    await server.server.close();
  });
});
