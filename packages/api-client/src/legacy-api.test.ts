import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createFleetClient, waitForUnits, type FleetClient } from './fast/index.ts';
import { OriginalFleetd } from './testing/index.ts';

let server: OriginalFleetd;
let client: FleetClient;

beforeEach(async () => {
  server = await new OriginalFleetd().start();
  client = createFleetClient({ connection: { endpoint: server.endpoint } });
});
afterEach(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
});

const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1000' }];

describe('an original fleetd', () => {
  it('is noticed by its first answer, once', async () => {
    expect(client.legacy).toBeUndefined();
    expect(await client.listUnits()).toEqual({ revision: 0, units: [] });
    await client.listStates();
    expect(client.legacy).toBe(true);
    expect(server.requests).toEqual(['GET /fleet/v2/units', 'GET /fleet/v1/units', 'GET /fleet/v1/state']);
  });

  it('is noticed by calls that are made at the same time', async () => {
    await client.submitUnits({ units: ['a', 'b'].map((name) => ({ name: `${name}.service`, options })) });
    using fresh = createFleetClient({ connection: { endpoint: server.endpoint } });
    const units = await Promise.all(['a', 'b'].map((name) => fresh.getUnit(`${name}.service`)));
    expect(units.map((unit) => unit.name)).toEqual(['a.service', 'b.service']);
  });

  it('takes units, shows them as summaries with their hash, and destroys them', async () => {
    const first = await client.submitUnits({ units: [{ name: 'a@1.service', options }, { name: 'b.service', options, desiredState: 'launched' }] });
    expect(first.results.map((result) => result.outcome)).toEqual(['created', 'created']);
    const { units } = await client.listUnits();
    expect(units).toEqual([
      { name: 'a@1.service', hash: expect.stringMatching(/^[0-9a-f]{40}$/), desiredState: 'inactive', currentState: 'inactive', global: false, generation: 0 },
      { name: 'b.service', hash: units[0]?.hash, desiredState: 'launched', currentState: 'launched', machineID: '3fa1c0de5b8e4d17a2c94e6f70b18d25', global: false, generation: 0 },
    ]);
    const again = await client.submitUnits({ units: [{ name: 'b.service', options: [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }] }] });
    expect(again.results).toMatchObject([{ outcome: 'failed', error: { name: 'UNIT_EXISTS', kind: 'conflict' } }]);
    expect((await client.destroyUnits({ names: ['b.service', 'none.service'] })).results).toMatchObject([{ outcome: 'destroyed' }, { outcome: 'failed', error: { kind: 'not-found' } }]);
    await expect(client.getUnit('b.service')).rejects.toMatchObject({ code: 'UNIT_NOT_FOUND', kind: 'not-found' });
  });

  it('pages to the end, also when the last page is empty', async () => {
    server.pageSize = 2;
    await client.submitUnits({ units: ['a', 'b', 'c', 'd'].map((name) => ({ name: `${name}.service`, options })) });
    expect((await client.listUnits()).units.map((unit) => unit.name)).toEqual(['a.service', 'b.service', 'c.service', 'd.service']);
  });

  it('is not followed for ever through its tokens', async () => {
    server.endlessTokens = true;
    await expect(client.listUnits()).rejects.toMatchObject({ code: 'ENDLESS_PAGES' });
  });

  it('is polled by those who wait', async () => {
    await client.submitUnits({ units: [{ name: 'a.service', options }] });
    const waiting = waitForUnits(client, { goals: new Map([['a.service', 'launched']]) });
    await client.setUnitStates({ changes: [{ name: 'a.service', desiredState: 'launched' }] });
    expect(await waiting).toMatchObject({ reached: [{ name: 'a.service', state: 'launched', machine: { id: '3fa1c0de5b8e4d17a2c94e6f70b18d25', info: { primaryIP: '127.0.0.2' } } }], failures: [] });
    const going = waitForUnits(client, { goals: new Map([['a.service', 'destroyed']]) });
    await client.destroyUnits({ names: ['a.service'] });
    expect((await going).reached).toEqual([{ name: 'a.service', state: 'destroyed', machine: undefined }]);
  });

  it('says at the limit what is missing', async () => {
    server.places = false;
    await client.submitUnits({ units: [{ name: 'a.service', options, desiredState: 'launched' }] });
    const { failures } = await waitForUnits(client, { goals: new Map([['a.service', 'launched']]), limitMs: 300, patient: true });
    expect(failures).toMatchObject([{ name: 'a.service', kind: 'timeout', reason: 'waiting for a machine' }]);
  });

  it('cannot do several units all or nothing, and says so', async () => {
    await client.listUnits();
    await expect(client.destroyUnits({ names: ['a.service'], atomic: true })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  it('ends its stream with the reason of the signal', async () => {
    const controller = new AbortController();
    const stream = client.changes({}, { signal: controller.signal })[Symbol.asyncIterator]();
    expect(await stream.next()).toMatchObject({ value: { kind: 'reset' } });
    const next = stream.next();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
  });
});
