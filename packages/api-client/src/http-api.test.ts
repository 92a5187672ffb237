import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createFleetClient, type FleetClient } from './client.ts';

let server: Server;
let client: FleetClient;
let answer: { status: number; body: unknown };

beforeEach(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  client = createFleetClient({ connection: { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } });
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

describe('bulk changes', () => {
  it('that are refused as a whole still have a result per unit', async () => {
    const results = [
      { name: 'a.service', outcome: 'not-attempted' },
      { name: 'b.service', outcome: 'failed', error: { name: 'UNIT_NOT_FOUND', kind: 'not-found', message: 'unit b.service does not exist' } },
    ];
    answer = { status: 409, body: { revision: 0, ok: false, results } };
    expect(await client.destroyUnits({ names: ['a.service', 'b.service'], atomic: true })).toEqual({ revision: 0, ok: false, results });
  });

  it('that conflict as a request fail', async () => {
    answer = { status: 409, body: { error: { code: 409, message: 'not now', name: 'SOMETHING' } } };
    await expect(client.destroyUnits({ names: ['a.service'] })).rejects.toMatchObject({ code: 'SOMETHING', status: 409 });
  });
});
