import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { HttpClient } from '../http/http-client.ts';
import type { SshOptions } from '../ssh/ssh-command.ts';
import { createTransport } from './create-transport.ts';

/** Stands for the system's ssh: says who it is and how it was called, then does as FAKE_SSH says. */
const FAKE_SSH = `#!${process.execPath}
const { appendFileSync } = require('node:fs');
const { connect } = require('node:net');
const args = process.argv.slice(2);
appendFileSync(process.env.FAKE_SSH_LOG, JSON.stringify({ pid: process.pid, args }) + '\\n');
switch (process.env.FAKE_SSH) {
  case 'refuse':
    console.error('user@bastion: Permission denied (publickey).');
    process.exit(255);
  case 'no-fleetctl':
    console.error('sh: 1: fleetctl: not found');
    process.exit(127);
  case 'silent':
    process.stdin.resume();
    break;
  case 'ask': {
    const { execFileSync } = require('node:child_process');
    const said = execFileSync(process.env.SSH_ASKPASS, ['Are you sure (yes/no)? '], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
    if (said !== 'yes') {
      console.error('Host key verification failed: ' + said);
      process.exit(255);
    }
  }
  default: {
    const to = args.includes('-W') ? args[args.indexOf('-W') + 1] : process.env.FAKE_SSH_TARGET;
    const [, host, port] = /^(.*):(\\d+)$/.exec(to);
    const socket = connect({ host, port: Number(port) });
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
  }
}
`;

interface Call {
  readonly pid: number;
  readonly args: readonly string[];
}

let directory: string;
let before: NodeJS.ProcessEnv;
let server: Server;
let port: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-ssh-'));
  writeFileSync(join(directory, 'ssh'), FAKE_SSH);
  chmodSync(join(directory, 'ssh'), 0o755);
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      if (data.toString('latin1').startsWith('GET /answer')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
  before = { ...process.env };
  process.env['PATH'] = `${directory}:${process.env['PATH'] ?? ''}`;
  process.env['NODE_OPTIONS'] = '';
  process.env['FAKE_SSH_LOG'] = join(directory, 'log');
  process.env['FAKE_SSH_TARGET'] = `127.0.0.1:${port}`;
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, before);
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const calls = (): readonly Call[] =>
  readFileSync(join(directory, 'log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Call);

function isAlive({ pid }: Call): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function open(over: { readonly endpoint?: string; readonly how?: string; readonly requestTimeoutMs?: number; readonly ssh?: Partial<SshOptions> } = {}): HttpClient {
  process.env['FAKE_SSH'] = over.how ?? 'relay';
  const ssh: SshOptions = { username: 'core', timeoutSeconds: 5, strictHostKeyChecking: true, knownHostsFile: join(directory, 'known', 'hosts'), ...over.ssh };
  const transport = createTransport({ endpoint: over.endpoint ?? 'unix:///var/run/fleet.sock', tunnel: { host: 'bastion:2222', ssh } });
  return new HttpClient({ transport, requestTimeoutMs: over.requestTimeoutMs ?? 10_000, maxBodyBytes: 1_000, userAgent: 'test' });
}

describe('a tunnel', () => {
  it.each([
    ['a unix socket', 'unix:///var/run/fleet.sock', (): readonly string[] => ['-T', 'fleetctl fd-forward /var/run/fleet.sock']],
    ['a TCP port', 'http://127.0.0.1:', (): readonly string[] => ['-W', `127.0.0.1:${port}`]],
  ])('to %s asks one ssh for many requests, which ends with the client', async (_title, endpoint, words) => {
    const client = open({ endpoint: endpoint.startsWith('http') ? `${endpoint}${port}` : endpoint });
    for (let round = 0; round < 3; round += 1) expect(await client.request({ method: 'GET', path: '/answer' })).toMatchObject({ status: 200, body: 'ok' });
    const [call, ...more] = calls();
    expect(more).toEqual([]);
    for (const word of [...words(), '-l', 'core', '-p', '2222', 'ConnectTimeout=5', 'StrictHostKeyChecking=ask', `UserKnownHostsFile="${join(directory, 'known', 'hosts')}"`, '--', 'bastion']) expect(call?.args).toContain(word);
    client.close();
    await waitUntil('ssh to end', () => !calls().some(isAlive));
  });

  it('without checks remembers no keys', async () => {
    const client = open({ ssh: { strictHostKeyChecking: false } });
    await client.request({ method: 'GET', path: '/answer' });
    for (const word of ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'GlobalKnownHostsFile=/dev/null']) expect(calls()[0]?.args).toContain(word);
    client.close();
  });

  it.each<[string, string, { readonly how?: string; readonly endpoint?: string; readonly requestTimeoutMs?: number; readonly abort?: boolean }, RegExp]>([
    ['is silent', '/answer', { how: 'silent', requestTimeoutMs: 1_000 }, /no answer within 1s/],
    ['has a server that is silent behind it', '/silence', { requestTimeoutMs: 1_000 }, /no answer within 1s/],
    ['is given up by its user', '/silence', { abort: true }, /^enough$/],
    ['is given up before TLS stands', '/answer', { how: 'silent', endpoint: 'https://127.0.0.1:1', abort: true }, /^enough$/],
    ['carries what is no TLS', '/answer', { endpoint: 'https' }, /tls: /],
    ['is refused', '/answer', { how: 'refuse' }, /failed initializing SSH client: bastion:2222: user@bastion: Permission denied \(publickey\)\./],
    ['finds no fleetctl on the bastion', '/answer', { how: 'no-fleetctl' }, /bastion:2222: sh: 1: fleetctl: not found/],
  ])('that %s fails in time and leaves no process', async (_title, path, { abort, endpoint, ...over }, message) => {
    const client = open({ ...over, ...(endpoint !== undefined && { endpoint: endpoint === 'https' ? `https://127.0.0.1:${port}` : endpoint }) });
    if (endpoint === 'https') server.on('connection', (socket) => socket.write('this is no TLS at all, nor will it ever be'));
    const controller = new AbortController();
    const failure = client.request({ method: 'GET', path, signal: controller.signal }).then(
      () => 'no failure',
      (error: unknown) => (error as Error).message,
    );
    await waitUntil('ssh to run', () => calls().length > 0);
    if (abort === true) controller.abort(new Error('enough'));
    expect(await failure).toMatch(message);
    await waitUntil('ssh to end', () => !calls().some(isAlive));
    client.close();
  });

  it('says that there is no ssh', async () => {
    const client = open();
    rmSync(join(directory, 'ssh'));
    symlinkSync('/usr/bin/mkfifo', join(directory, 'mkfifo'));
    process.env['PATH'] = directory;
    await expect(client.request({ method: 'GET', path: '/answer' })).rejects.toThrow(/failed initializing SSH client: bastion:2222: .*ssh/);
    client.close();
  });
});

describe('a question of ssh, to a program whose input is no terminal', () => {
  const PROGRAM = `
    import { createFleetClient } from ${JSON.stringify(join(import.meta.dirname, '../fast/index.ts'))};
    const ssh = { username: 'core', timeoutSeconds: 5, strictHostKeyChecking: true, knownHostsFile: process.env.FAKE_SSH_LOG + '.known/hosts' };
    using client = createFleetClient({ connection: { endpoint: 'unix:///var/run/fleet.sock', tunnel: { host: 'bastion', ssh } }, requestTimeoutMs: 1500 });
    try {
      await client.listMachines();
      console.log('answered');
    } catch (error) {
      console.log(error.message);
    }
  `;

  it.each<[string, string | null, RegExp]>([
    ['is answered by a line of it', 'yes\nand more\n', /^answered\n$/],
    ['is answered by a line with CR', 'YES\r\n', /^answered\n$/],
    ['is denied by another word', 'maybe\n', /Host key verification failed: no/],
    ['is denied by its end', '', /Host key verification failed: no/],
    ['does not wait for ever for one that says nothing', null, /no answer within 1\.5s/],
  ])('%s', async (_title, input, message) => {
    process.env['FAKE_SSH'] = 'ask';
    server.removeAllListeners('connection');
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n{"revision":1,"machines":[]}'));
    });
    const child = spawn(process.execPath, ['--conditions=@fleet/source', '--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'], env: process.env });
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    if (input !== null) child.stdin.end(input);
    const [code] = (await once(child, 'close')) as [number];
    expect([code, said]).toEqual([0, expect.stringMatching(message)]);
    await waitUntil('ssh to end', () => !calls().some(isAlive));
    child.stdin.destroy();
  });
});
