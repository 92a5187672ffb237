import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import type { WatchBatch } from '../store.ts';
import { codeOf, failureOf, put, takeBatches } from '../testing/contract-support.ts';
import { describeOnEtcd } from '../testing/describe-on-etcd.ts';
import { etcdIsUsable, startTestEtcd, type TestEtcd } from '../testing/test-etcd.ts';
import { parseEndpoints } from './endpoint-url.ts';
import { createEtcdStore, type EtcdStore, type EtcdStoreOptions } from './index.ts';

const describeTls = etcdIsUsable() && spawnSync('openssl', ['version']).status === 0 ? describe : describe.skip;

const stores: EtcdStore[] = [];
const open = (options: EtcdStoreOptions): EtcdStore => {
  const store = createEtcdStore(options);
  stores.push(store);
  return store;
};
afterEach(async () => {
  for (const store of stores.splice(0)) await store[Symbol.asyncDispose]();
});

describe('endpoints', () => {
  it.each([
    { name: 'host and port', given: ['127.0.0.1:2379'], expected: ['http://127.0.0.1:2379'] },
    { name: 'no port', given: ['http://etcd.example'], expected: ['http://etcd.example:2379'] },
    { name: 'a port that is the default of the scheme', given: ['https://etcd.example:443'], expected: ['https://etcd.example:443'] },
    { name: 'IPv6, slash and blanks', given: [' http://[::1]:4001/ '], expected: ['http://[::1]:4001'] },
    { name: 'several', given: ['https://a:1', 'https://b:2'], expected: ['https://a:1', 'https://b:2'] },
  ])('reads $name', ({ given, expected }) => {
    expect(parseEndpoints(given)).toEqual(expected);
  });

  it.each([
    { name: 'none', given: [] },
    { name: 'another scheme', given: ['ftp://a'] },
    { name: 'nothing at all', given: [''] },
    { name: 'http mixed with https', given: ['http://a', 'https://b'] },
  ])('refuses $name', ({ given }) => {
    expect(() => createEtcdStore({ endpoints: given })).toThrow(expect.objectContaining({ code: 'STORE_REQUEST_INVALID' }));
  });
});

describeOnEtcd('user and password', (etcd) => {
  const call = async (path: string, body: object, token?: string): Promise<{ token?: string }> => {
    const response = await fetch(`${etcd().endpoints[0]!}/v3/auth/${path}`, { method: 'POST', body: JSON.stringify(body), ...(token === undefined ? {} : { headers: { authorization: token } }) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as { token?: string };
  };
  beforeAll(async () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    await call('user/add', { name: 'root', password: 'secret' });
    await call('role/add', { name: 'root' });
    await call('user/grant', { user: 'root', role: 'root' });
    await call('user/add', { name: 'fleet', password: 'pass' });
    await call('role/add', { name: 'fleet' });
    await call('role/grant', { name: 'fleet', perm: { permType: 'READWRITE', key: base64('/f/'), range_end: base64('/f0') } });
    await call('user/grant', { user: 'fleet', role: 'fleet' });
    await call('enable', {});
  });
  const asFleet = (): EtcdStore => open({ endpoints: etcd().endpoints, username: 'fleet', password: 'pass' });

  it('works below its own prefix, watches and leases included', async () => {
    const store = asFleet();
    const { id } = await store.grantLease(5_000);
    const revision = await put(store, '/f/k', 'v', id);
    await store.keepAlive(id);
    expect(await takeBatches(store, { prefix: '/f/', fromRevision: revision }, 1)).toHaveLength(1);
    await store.revokeLease(id);
    expect((await store.get('/f/k')).item).toBeNull();
  });

  it.each([
    { name: 'a wrong password', make: () => open({ endpoints: etcd().endpoints, username: 'fleet', password: 'wrong' }), key: '/f/k' },
    { name: 'an unknown user', make: () => open({ endpoints: etcd().endpoints, username: 'nobody', password: 'x' }), key: '/f/k' },
    { name: 'no user', make: () => open({ endpoints: etcd().endpoints }), key: '/f/k' },
    { name: 'a key outside its rights', make: () => asFleet(), key: '/other' },
  ])('$name is denied', async ({ make, key }) => {
    const store = make();
    const codes = [await codeOf(store.get(key)), await codeOf(put(store, key, '')), await codeOf(store.watch({ prefix: key, fromRevision: 1 }, { signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]().next())];
    expect(codes).toEqual(['STORE_DENIED', 'STORE_DENIED', 'STORE_DENIED']);
  });

  it('a watch that is denied leaves others alone, and does not stand in the way of later ones', async () => {
    const store = asFleet();
    const ending = new AbortController();
    const follow = async (): Promise<AsyncIterator<WatchBatch>> => {
      const revision = await put(store, '/f/k', 'v');
      const watch = store.watch({ prefix: '/f/', fromRevision: revision }, { signal: ending.signal })[Symbol.asyncIterator]();
      expect(await watch.next()).toMatchObject({ value: { revision } });
      return watch;
    };
    const first = await follow();
    expect(await codeOf(store.watch({ prefix: '/other', fromRevision: 1 }, { signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]().next())).toBe('STORE_DENIED');
    const second = await follow();
    const revision = await put(store, '/f/k', 'w');
    expect(await second.next()).toMatchObject({ value: { revision } });
    expect(await first.next()).toMatchObject({ value: { revision: revision - 1 } });
    expect(await first.next()).toMatchObject({ value: { revision } });
    ending.abort(new Error('enough'));
  });

  it('logs in again when etcd has forgotten the login', async () => {
    const store = asFleet();
    await put(store, '/f/k', 'v');
    await etcd().restart();
    await waitUntil('etcd to answer', async () => (await store.get('/f/k')).item !== null);
    await waitUntil('a watch', async () => (await takeBatches(store, { prefix: '/f/', fromRevision: await put(store, '/f/k', 'w') }, 1)).length === 1);
  });
});

describeTls('TLS (skipped where etcd or openssl is missing)', () => {
  let directory: string;
  let etcd: TestEtcd;
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  };
  const makeCa = (name: string): void => openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`);
  const makeCertificate = (name: string): void => {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san.txt', '-out', `${name}.pem`);
  };
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fleet-tls-'));
    await writeFile(file('san.txt'), 'subjectAltName=IP:127.0.0.1\n');
    makeCa('ca');
    makeCa('stranger');
    makeCertificate('server');
    makeCertificate('client');
    etcd = await startTestEtcd({ scheme: 'https', args: ['--cert-file', file('server.pem'), '--key-file', file('server.key'), '--client-cert-auth', '--trusted-ca-file', file('ca.pem')] });
    const ready = open({ endpoints: etcd.endpoints, tls: full() });
    await waitUntil('etcd to be ready', async () => (await ready.get('/k')).revision > 0, { deadlineMs: 15_000 });
  });
  afterAll(async () => {
    await etcd.stop();
    await rm(directory, { recursive: true });
  });
  const full = (): NonNullable<EtcdStoreOptions['tls']> => ({ ca: readFileSync(file('ca.pem')), cert: readFileSync(file('client.pem')), key: readFileSync(file('client.key')) });

  it('a client certificate and the right CA work', async () => {
    const store = open({ endpoints: etcd.endpoints, tls: full() });
    const revision = await put(store, '/k', 'v');
    expect(await takeBatches(store, { prefix: '/', fromRevision: revision }, 1)).toHaveLength(1);
  });

  it.each([
    { name: 'a server that our CA has not signed', tls: () => ({ ...full(), ca: readFileSync(file('stranger.pem')) }), reason: /certificate/ },
    { name: 'a server that no known authority has signed, without a CA of our own', tls: () => ({ cert: full().cert, key: full().key }), reason: /certificate/ },
    { name: 'a CA alone, where the server wants a client certificate', tls: () => ({ ca: readFileSync(file('ca.pem')) }), reason: /certificate|alert|ECONNRESET|closed|hang up/ },
  ])('$name is refused', async ({ tls, reason }) => {
    const failure = await failureOf(open({ endpoints: etcd.endpoints, tls: tls(), requestTimeoutMs: 2_000 }).get('/k'));
    expect(failure).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(reason) as unknown as string });
  });

  it('a CA alone verifies and works, where the server wants no client certificate', async () => {
    const relaxed = await startTestEtcd({ scheme: 'https', args: ['--cert-file', file('server.pem'), '--key-file', file('server.key')] });
    try {
      const good = open({ endpoints: relaxed.endpoints, tls: { ca: readFileSync(file('ca.pem')) } });
      await waitUntil('an answer', async () => (await good.get('/k')).revision > 0, { deadlineMs: 15_000 });
      const failure = await failureOf(open({ endpoints: relaxed.endpoints, tls: { ca: readFileSync(file('stranger.pem')) } }).get('/k'));
      expect(failure).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(/certificate/) as unknown as string });
    } finally {
      await relaxed.stop();
    }
  });
});
