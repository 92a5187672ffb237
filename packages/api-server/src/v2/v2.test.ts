import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  bulkResultSchema,
  engineStatusSchema,
  errorEntitySchema,
  machineListSchema,
  stateListSchema,
  type UnitDetail,
  unitDetailSchema,
  type UnitList,
  unitListSchema,
} from '@fleet/api';
import { waitUntil } from '@fleet/runtime/testing';
import { startTestServer, TestCluster, type TestServer } from '../testing/index.ts';

let server: TestServer;
let cluster: TestCluster;

beforeEach(async () => {
  server = await startTestServer();
  cluster = new TestCluster(server.registry);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

async function getJson(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const answer = await server.request('GET', path, undefined, headers);
  expect(answer.headers.get('content-type')).toBe('application/json');
  return JSON.parse(answer.body) as unknown;
}

describe('reading', () => {
  beforeEach(async () => {
    await cluster.join('m1m1m1m1aaaa', { region: 'eu', disk: 'ssd' }, '192.0.2.1');
    await cluster.join('m2m2m2m2bbbb', { region: 'us' });
    await cluster.create('web@1.service', '[Unit]\nDescription=first\n\n[Service]\nExecStart=/bin/a\n');
    await cluster.create('web@2.service');
    await cluster.create('db.service', undefined, 'loaded');
    await cluster.create('idle.service', undefined, 'inactive');
    await cluster.create('all.service', '[Service]\nExecStart=/bin/b\n\n[X-Fleet]\nGlobal=true\n');
    await cluster.place('web@1.service', 'm1m1m1m1aaaa');
    await cluster.report('web@1.service', 'm1m1m1m1aaaa');
    await cluster.place('db.service', 'm2m2m2m2bbbb');
    await cluster.report('db.service', 'm2m2m2m2bbbb', 'inactive', 'dead');
    await cluster.report('all.service', 'm2m2m2m2bbbb', 'failed', 'failed');
    await cluster.pend('web@2.service', '0 of 1 machines: 1 lacks metadata region=eu');
  });

  it.each([
    ['all', '', ['all.service', 'db.service', 'idle.service', 'web@1.service', 'web@2.service']],
    ['by name', '?name=web@*.service', ['web@1.service', 'web@2.service']],
    ['by machine', '?machine=m1m1m1m1', ['web@1.service']],
    ['by machine, global units where they are reported', '?machine=m2m2m2m2bbbb', ['all.service', 'db.service']],
    ['by current state', '?state=loaded', ['db.service']],
    ['by desired state', '?desiredState=inactive', ['idle.service']],
    ['by metadata', '?metadata=region=eu&metadata=disk=ssd', ['web@1.service']],
    ['by metadata that nobody has', '?metadata=region=eu&metadata=disk=hdd', []],
    ['by all together', '?name=*&machine=m1m1m1m1aaaa&state=launched&desiredState=launched&metadata=region=eu', ['web@1.service']],
  ])('lists units: %s', async (_name, query, expected) => {
    const list = unitListSchema.parse(await getJson(`/fleet/v2/units${query}`));
    expect(list.units.map(({ name }) => name)).toEqual(expected);
  });

  it('shows what a unit is, and why it is nowhere', async () => {
    const list = unitListSchema.parse(await getJson('/fleet/v2/units?name=web*'));
    expect(list.units).toEqual([
      { name: 'web@1.service', hash: expect.stringMatching(/^[0-9a-f]{40}$/), desiredState: 'launched', currentState: 'launched', machineID: 'm1m1m1m1aaaa', global: false, generation: 1, description: 'first' },
      {
        name: 'web@2.service',
        hash: expect.stringMatching(/^[0-9a-f]{40}$/),
        desiredState: 'launched',
        currentState: 'inactive',
        global: false,
        generation: 1,
        pending: { summary: '0 of 1 machines: 1 lacks metadata region=eu', machines: 1, rejections: [{ code: 'metadata', detail: 'region=eu', machines: 1 }] },
      },
    ]);
  });

  it('does not take the report on a former unit of that name for one on this', async () => {
    for (const desiredState of ['loaded', 'launched']) expect((await server.request('PUT', '/fleet/v1/units/web@1.service', { desiredState })).status).toBe(204);
    await cluster.report('web@1.service', 'm1m1m1m1aaaa');
    const shown = async (): Promise<unknown> => (JSON.parse((await server.request('GET', '/fleet/v1/units/web@1.service')).body) as { readonly currentState: unknown }).currentState;
    expect(await shown()).toBe('launched');
    expect((await server.request('DELETE', '/fleet/v1/units/web@1.service')).status).toBe(204);
    await cluster.create('web@1.service');
    expect(await shown()).toBe('inactive');
    await cluster.place('web@1.service', 'm1m1m1m1aaaa');
    await waitUntil('the placement', async () => (await server.request('GET', '/fleet/v1/units/web@1.service')).body.includes('machineID'));
    expect(await shown()).toBe('inactive');
    await cluster.report('web@1.service', 'm1m1m1m1aaaa');
    await waitUntil('the report', async () => (await shown()) === 'launched');
  });

  it('walks a listing by cursor, also past names that are gone', async () => {
    const names: string[] = [];
    let next: string | undefined;
    do {
      const list = unitListSchema.parse(await getJson(`/fleet/v2/units?limit=2${next === undefined ? '' : `&cursor=${next}`}`)) as UnitList;
      expect(list.units.length).toBeLessThanOrEqual(2);
      names.push(...list.units.map(({ name }) => name));
      next = list.next;
      if (names.length === 2) expect((await server.request('DELETE', '/fleet/v1/units/db.service')).status).toBe(204);
    } while (next !== undefined);
    expect(names).toEqual(['all.service', 'db.service', 'idle.service', 'web@1.service', 'web@2.service']);
  });

  it('shows one unit whole, with its history', async () => {
    await getJson('/fleet/v2/units');
    await cluster.place('web@1.service', 'm2m2m2m2bbbb', 'it was on m1: overloaded');
    const detail = unitDetailSchema.parse(await getJson('/fleet/v2/units/web%401.service')) as UnitDetail;
    expect(detail).toMatchObject({
      text: '[Unit]\nDescription=first\n\n[Service]\nExecStart=/bin/a\n',
      options: [
        { section: 'Unit', name: 'Description', value: 'first' },
        { section: 'Service', name: 'ExecStart', value: '/bin/a' },
      ],
      machineID: 'm2m2m2m2bbbb',
      currentState: 'inactive',
      states: [{ name: 'web@1.service', machineID: 'm1m1m1m1aaaa', load: 'loaded', active: 'active', sub: 'running', asked: 'launched', generation: 1 }],
    });
    const expected = [
      { event: 'created', machineID: undefined, fromMachineID: undefined, reason: 'desired state launched' },
      { event: 'placed', machineID: 'm1m1m1m1aaaa', fromMachineID: undefined, reason: undefined },
      { event: 'unplaced', machineID: undefined, fromMachineID: 'm1m1m1m1aaaa', reason: undefined },
      { event: 'placed', machineID: 'm2m2m2m2bbbb', fromMachineID: undefined, reason: 'it was on m1: overloaded' },
    ];
    const told = ({ history }: UnitDetail) => history.map(({ event, machineID, fromMachineID, reason }) => ({ event, machineID, fromMachineID, reason }));
    expect(told(detail)).toEqual(expected);
    expect(detail.history.every(({ time, revision }) => Math.abs(Date.parse(time) - Date.now()) < 60_000 && revision <= detail.history.at(-1)!.revision)).toBe(true);
    // A daemon that was not looking at the time knows it too, and so does one after a restart.
    await using other = await startTestServer({ store: server.store });
    const elsewhere = unitDetailSchema.parse(JSON.parse((await other.request('GET', '/fleet/v2/units/web%401.service')).body)) as UnitDetail;
    expect({ reason: elsewhere.placementReason, history: told(elsewhere) }).toEqual({ reason: 'it was on m1: overloaded', history: expected });
    await server.request('PUT', '/fleet/v1/units/web%401.service', { desiredState: 'inactive' });
    const stopped = unitDetailSchema.parse(await getJson('/fleet/v2/units/web%401.service')) as UnitDetail;
    expect(told(stopped).at(-1)).toEqual({ event: 'unplaced', machineID: undefined, fromMachineID: 'm2m2m2m2bbbb', reason: 'desired state inactive' });
  });

  it('says that a unit does not exist', async () => {
    expect(errorEntitySchema.parse(await getJson('/fleet/v2/units/no.service'))).toEqual({ error: { code: 404, message: 'unit no.service does not exist', name: 'UNIT_NOT_FOUND' } });
  });

  it('lists states and machines with filters', async () => {
    const states = stateListSchema.parse(await getJson('/fleet/v2/states'));
    expect(states.states.map(({ name, machineID }) => `${name} ${machineID}`)).toEqual(['all.service m2m2m2m2bbbb', 'db.service m2m2m2m2bbbb', 'web@1.service m1m1m1m1aaaa']);
    expect(stateListSchema.parse(await getJson('/fleet/v2/states?active=failed')).states).toHaveLength(1);
    expect(stateListSchema.parse(await getJson('/fleet/v2/states?name=db*&machine=m2m2m2m2&metadata=region=us')).states).toHaveLength(1);
    expect(stateListSchema.parse(await getJson('/fleet/v2/states?metadata=region=eu')).states).toHaveLength(1);
    const machines = machineListSchema.parse(await getJson('/fleet/v2/machines'));
    expect(machines.machines).toEqual([
      { id: 'm1m1m1m1aaaa', primaryIP: '192.0.2.1', metadata: { region: 'eu', disk: 'ssd' }, version: '1.2.3', units: 1 },
      { id: 'm2m2m2m2bbbb', metadata: { region: 'us' }, version: '1.2.3', units: 1 },
    ]);
    expect(machineListSchema.parse(await getJson('/fleet/v2/machines?metadata=region=us')).machines).toHaveLength(1);
  });

  it.each([
    ['limit=0', /limit/],
    ['limit=abc', /limit/],
    ['limit=1&limit=2', /limit is given 2 times/],
    ['name=%5B', /no valid pattern/],
    ['state=running', /state/],
    ['metadata=region', /key=value/],
    ['colour=red', /colour/],
  ])('refuses the query %s', async (query, message) => {
    const { error } = errorEntitySchema.parse(await getJson(`/fleet/v2/units?${query}`));
    expect(error).toMatchObject({ code: 400, name: 'QUERY_INVALID', message: expect.stringMatching(message) as unknown });
  });
});

describe('reading one\'s own writes', () => {
  it('waits for a revision from another daemon, and for no longer than it may', async () => {
    await using other = await startTestServer({ store: server.store });
    await other.request('GET', '/fleet/v1/units');
    const put = await server.request('PUT', '/fleet/v1/units/a.service', { options: [{ section: 'Service', name: 'ExecStart', value: '/bin/a' }] });
    const revision = put.headers.get('fleet-revision') ?? '';
    expect(revision).toMatch(/^\d+$/);
    const read = await other.request('GET', '/fleet/v2/units', undefined, { 'Fleet-Min-Revision': revision });
    expect(Number(read.headers.get('fleet-revision'))).toBeGreaterThanOrEqual(Number(revision));
    expect(unitListSchema.parse(JSON.parse(read.body)).units.map(({ name }) => name)).toEqual(['a.service']);
  });

  it('answers 503 when the revision does not come', async () => {
    await using slow = await startTestServer({ store: server.store, readTimeoutMs: 200 });
    await waitUntil('the cache', async () => (await slow.request('GET', '/fleet/v1/units')).status === 200);
    for (const path of ['/fleet/v1/units', '/fleet/v2/units']) {
      const answer = await slow.request('GET', path, undefined, { 'Fleet-Min-Revision': '999999' });
      expect(answer.status).toBe(503);
      expect(answer.body).toContain('revision 999999 has not been reached in time');
    }
  });
});

describe('the engine', () => {
  it('shows who leads, and what is paused, and takes the confirmation on the leader only', async () => {
    expect(engineStatusSchema.parse(await getJson('/fleet/v2/engine'))).toMatchObject({ leads: false, evacuationPaused: null });
    const refused = await server.request('POST', '/fleet/v2/engine:confirm-evacuation');
    expect([refused.status, errorEntitySchema.parse(JSON.parse(refused.body)).error.name]).toEqual([409, 'NOT_LEADER']);

    let paused = true;
    const pause = { held: ['m1', 'm2'], vanished: 2, known: 3 };
    const engine = { leads: () => true, evacuationPaused: () => (paused ? pause : null), confirmEvacuation: () => paused && !(paused = false) };
    await using leader = await startTestServer({ store: server.store, engine });
    await cluster.join('m1');
    const shown = engineStatusSchema.parse(JSON.parse((await leader.request('GET', '/fleet/v2/engine')).body));
    expect(shown).toMatchObject({ leader: 'leader', leads: true, evacuationPaused: pause });
    expect((await leader.request('POST', '/fleet/v2/engine:confirm-evacuation')).status).toBe(204);
    const again = await leader.request('POST', '/fleet/v2/engine:confirm-evacuation');
    expect([again.status, errorEntitySchema.parse(JSON.parse(again.body)).error.name]).toEqual([409, 'EVACUATION_NOT_PAUSED']);
  });
});

describe('bulk writes', () => {
  const exec = (value: string) => [{ section: 'Service', name: 'ExecStart', value }];
  async function post(path: string, body: unknown, status = 200): Promise<ReturnType<typeof bulkResultSchema.parse>> {
    const answer = await server.request('POST', path, body);
    expect([answer.status, answer.body]).toEqual([status, expect.any(String)]);
    return bulkResultSchema.parse(JSON.parse(answer.body));
  }

  it('creates, leaves, changes and replaces, with a result per unit', async () => {
    const first = await post('/fleet/v2/units:submit', { units: [{ name: 'a.service', options: exec('/bin/a') }, { name: 'b.service', text: '[Service]\nExecStart=/bin/b\n', desiredState: 'launched' }] });
    expect(first).toMatchObject({ ok: true, results: [{ name: 'a.service', outcome: 'created', generation: 1 }, { name: 'b.service', outcome: 'created', generation: 1 }] });
    const second = await post('/fleet/v2/units:submit', {
      units: [
        { name: 'a.service', options: exec('/bin/a') },
        { name: 'b.service', options: exec('/bin/other') },
        { name: 'c@.service', options: exec('/bin/c'), desiredState: 'launched' },
        { name: 'bad name.service', options: exec('/bin/d') },
        { name: 'a.service', options: exec('/bin/e') },
      ],
    });
    expect(second.ok).toBe(false);
    expect(second.results.map(({ outcome, error }) => [outcome, error?.name])).toEqual([
      ['unchanged', undefined],
      ['failed', 'UNIT_EXISTS'],
      ['failed', 'TEMPLATE_ACTIVATION'],
      ['failed', 'UNIT_NAME_INVALID'],
      ['failed', 'DUPLICATE_CHANGE'],
    ]);
    const third = await post('/fleet/v2/units:submit', { replace: true, units: [{ name: 'b.service', options: exec('/bin/other') }, { name: 'a.service', options: exec('/bin/a'), desiredState: 'loaded' }] });
    expect(third.results.map(({ outcome }) => outcome)).toEqual(['replaced', 'changed']);
    const list = unitListSchema.parse(await getJson('/fleet/v2/units'));
    // Unlike version 1, a replacement keeps the desired state unless told.
    expect(list.units.map(({ name, desiredState, generation }) => [name, desiredState, generation])).toEqual([['a.service', 'loaded', 2], ['b.service', 'launched', 2]]);
  });

  it('does all or nothing where asked', async () => {
    const failed = await post('/fleet/v2/units:submit', { atomic: true, units: [{ name: 'a.service', options: exec('/bin/a') }, { name: 'a b.service', options: exec('/bin/b') }] }, 409);
    expect(failed.results.map(({ outcome }) => outcome)).toEqual(['not-attempted', 'failed']);
    expect(unitListSchema.parse(await getJson('/fleet/v2/units')).units).toEqual([]);
    const done = await post('/fleet/v2/units:submit', { atomic: true, units: ['a', 'b', 'c'].map((name) => ({ name: `${name}.service`, options: exec(`/bin/${name}`) })) });
    expect(new Set(done.results.map(({ outcome }) => outcome))).toEqual(new Set(['created']));
    const missing = await post('/fleet/v2/units:set-state', { atomic: true, changes: [{ name: 'a.service', desiredState: 'launched' }, { name: 'no.service', desiredState: 'launched' }] }, 409);
    expect(missing.results.map(({ outcome, error }) => [outcome, error?.name])).toEqual([['not-attempted', undefined], ['failed', 'UNIT_NOT_FOUND']]);
    expect(unitListSchema.parse(await getJson('/fleet/v2/units?desiredState=launched')).units).toEqual([]);
    const many = Array.from({ length: 33 }, (_, index) => ({ name: `n${index}.service`, options: exec('/bin/n') }));
    const tooMany = await server.request('POST', '/fleet/v2/units:submit', { atomic: true, units: many });
    expect([tooMany.status, errorEntitySchema.parse(JSON.parse(tooMany.body)).error.name]).toEqual([413, 'TOO_MANY_CHANGES']);
  });

  it('changes states and destroys, telling which units do not exist', async () => {
    await post('/fleet/v2/units:submit', { units: Array.from({ length: 200 }, (_, index) => ({ name: `n${index}.service`, options: exec('/bin/n') })) });
    const states = await post('/fleet/v2/units:set-state', { changes: [{ name: 'n1.service', desiredState: 'launched' }, { name: 'no.service', desiredState: 'loaded' }] });
    expect(states.results).toMatchObject([{ outcome: 'changed', generation: 2 }, { outcome: 'failed', error: { name: 'UNIT_NOT_FOUND', kind: 'not-found' } }]);
    const destroyed = await post('/fleet/v2/units:destroy', { names: Array.from({ length: 201 }, (_, index) => `n${index}.service`) });
    expect(destroyed.results.filter(({ outcome }) => outcome === 'destroyed')).toHaveLength(200);
    expect(destroyed.results.at(-1)).toMatchObject({ name: 'n200.service', outcome: 'failed' });
    expect(unitListSchema.parse(await getJson('/fleet/v2/units')).units).toEqual([]);
  });

  it.each([
    ['another media type', { 'Content-Type': 'text/plain' }, '{}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['no JSON', {}, '{', 400, 'BODY_INVALID'],
    ['a list', {}, '[]', 400, 'BODY_INVALID'],
    ['no units', {}, '{"units":[]}', 400, 'BODY_INVALID'],
    ['options and text', {}, '{"units":[{"name":"a.service","text":"x","options":[{"section":"a","name":"b","value":"c"}]}]}', 400, 'BODY_INVALID'],
    ['unknown members', {}, '{"units":[{"name":"a.service","text":"x"}],"force":true}', 400, 'BODY_INVALID'],
    ['too many units', {}, JSON.stringify({ units: Array.from({ length: 1_001 }, () => ({ name: 'a.service', text: 'x' })) }), 400, 'BODY_INVALID'],
  ])('refuses %s', async (_name, headers, body, status, name) => {
    const answer = await server.request('POST', '/fleet/v2/units:submit', body, headers);
    expect([answer.status, errorEntitySchema.parse(JSON.parse(answer.body)).error.name]).toEqual([status, name]);
  });

  it.each([
    ['GET', '/fleet/v2/units:submit', 405, 'POST'],
    ['HEAD', '/fleet/v2/units:submit', 405, 'POST'],
    ['POST', '/healthz', 405, 'GET, HEAD'],
    ['OPTIONS', '/fleet/v2/units', 405, 'GET, HEAD'],
    ['HEAD', '/fleet/v2/changes', 405, 'GET'],
    ['HEAD', '/healthz', 200, undefined],
    ['HEAD', '/readyz', 200, undefined],
    ['HEAD', '/fleet/v2/units', 200, undefined],
    ['HEAD', '/fleet/v2/metrics', 200, undefined],
  ])('%s %s: %i', async (method, path, status, allow) => {
    const answer = await server.request(method, path);
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, allow]);
    if (method === 'HEAD') expect([answer.body, Number(answer.headers.get('content-length')) > 0]).toEqual(['', true]);
  });
});
