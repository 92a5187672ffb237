import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createFleetClient } from '../fast/index.ts';
import type { TlsFiles } from './tls.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const suite = hasOpenssl ? describe : describe.skip;

suite(`https${hasOpenssl ? '' : ' (skipped: openssl is not installed)'}`, () => {
  let folder: string;
  let server: Server;
  let endpoint: string;
  const file = (name: string): string => join(folder, name);

  function makeCertificate(name: string, subject: string, issuer: string | undefined): void {
    const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:' + (issuer === undefined ? 'TRUE' : 'FALSE') + '\n');
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, '-days', '2', '-extfile', 'ext', ...(issuer === undefined ? ['-signkey', `${name}.key`] : ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial']));
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tls-'));
    makeCertificate('ca', 'ca', undefined);
    makeCertificate('stranger', 'stranger', undefined);
    makeCertificate('server', 'localhost', 'ca');
    makeCertificate('client', 'client', 'ca');
    server = createServer({ key: readFileSync(file('server.key')), cert: readFileSync(file('server.pem')), ca: readFileSync(file('ca.pem')), requestCert: true, rejectUnauthorized: true }, (_, response) => {
      response.end('{"revision":1,"machines":[]}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  async function listMachines(tls: TlsFiles): Promise<unknown> {
    using client = createFleetClient({ connection: { endpoint, ...tls } });
    return await client.listMachines();
  }

  it('works with a certificate that the server takes', async () => {
    expect(await listMachines({ caFile: file('ca.pem'), certFile: file('client.pem'), keyFile: file('client.key') })).toEqual({ revision: 1, machines: [] });
  });
  it('does not trust a server that its CA has not signed', async () => {
    await expect(listMachines({ caFile: file('stranger.pem'), certFile: file('client.pem'), keyFile: file('client.key') })).rejects.toMatchObject({ message: expect.stringContaining('certificate') as unknown });
  });
  it('does not trust anybody without a CA', async () => {
    await expect(listMachines({})).rejects.toMatchObject({ code: 'REQUEST_FAILED' });
  });
  it('says what is wrong with its files', () => {
    const open = (tls: TlsFiles) => () => createFleetClient({ connection: { endpoint, ...tls } });
    expect(open({ caFile: '/nope' })).toThrow('open /nope: no such file or directory');
    expect(open({ certFile: '/dev/null', keyFile: '/dev/null' })).toThrow('tls: failed to find any PEM data in certificate input');
    expect(open({ certFile: file('client.pem') })).toThrow('tls: both --cert-file and --key-file are needed');
  });
});
