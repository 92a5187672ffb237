import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiCaseSchema, runApiCase, type ApiCase } from '@fleet/api-server/testing';
import type { Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { createEtcdStore } from '@fleet/registry/etcd';
import { etcdIsUsable, startTestEtcd, type TestEtcd } from '@fleet/registry/testing';
import { serveFromDaemon } from './testing/index.ts';

const M1 = '3fa1c0de5b8e4d17a2c94e6f70b18d25';
const M2 = '81d2f6a49c0b4e3f9b7a5c1e2d3f4a60';
const exec = (value: string) => ({ name: 'ExecStart', section: 'Service', value });
const JSON_TYPE = { 'Content-Type': 'application/json' };

interface Row {
  readonly title: string;
  readonly given?: unknown;
  readonly send: readonly [method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string | readonly string[]>>];
  readonly status: number;
  /** A string is the message of the error entity; `null` no body. */
  readonly body?: unknown;
  readonly location?: string;
  /** Units afterwards. */
  readonly units?: readonly unknown[];
  readonly machines?: readonly unknown[];
}

/** A row in the form of the recorded cases. */
function toCase({ title, given = {}, send: [method, path, body, headers], status, body: answer, location, units, machines }: Row): ApiCase {
  const json = typeof answer === 'string' ? { error: { code: status, message: answer } } : answer;
  const bare = status === 201 || (status === 204 && method !== 'PATCH');
  return apiCaseSchema.parse({
    id: title,
    match: location !== undefined ? 'redirect' : answer === undefined && status >= 400 ? 'status' : 'exact',
    given,
    request: { method, path, headers: headers ?? (body === undefined ? {} : JSON_TYPE), body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body) },
    response: { status, headers: { Server: 'fleetd/v1.0.0', ...(!bare && { 'Content-Type': 'application/json' }), ...(location !== undefined && { Location: location }) }, body: json ?? null },
    after: units === undefined && machines === undefined ? null : { units: units ?? [], machines: machines ?? [] },
  });
}

const unit = { name: 'old.service', options: [exec('/bin/old')], desiredState: 'launched', machineID: M1, heartbeat: M1 };
const state = { name: 'old.service', hash: 'bd1161ed04da0b19555b9cee6b6ce544e497526e', machineID: M1, systemdLoadState: 'loaded', systemdActiveState: 'active', systemdSubState: 'running' };
const running = { units: [unit], machines: [{ id: M1 }], states: [state] };
const shown = { currentState: 'launched', desiredState: 'launched', machineID: M1, name: 'old.service', options: [exec('/bin/old')] };
const ONLY_GET = 'only GET supported against this resource';
const UNIT_METHODS = 'only GET, PUT and DELETE supported against this resource';
const MACHINE_METHODS = 'only GET and PATCH supported against this resource';
const ONLY_HTTP_GET = 'only HTTP GET supported against this resource';

describe.each(['/fleet/v1', '/v1-alpha'])('routes below %s', (prefix) => {
  it.each<[string, string, number, string | null | undefined]>([
    ['PUT', '/units', 405, ONLY_GET],
    ['PATCH', '/units', 405, ONLY_GET],
    ['DELETE', '/state', 405, ONLY_GET],
    ['PUT', '/state/a.service', 405, ONLY_GET],
    ['DELETE', '/state/a.service', 405, ONLY_GET],
    ['PATCH', '/units/a.service', 405, UNIT_METHODS],
    ['OPTIONS', '/units/a.service', 405, UNIT_METHODS],
    ['HEAD', '/units/a.service', 405, null],
    ['PUT', '/machines', 405, MACHINE_METHODS],
    ['POST', '/machines', 405, MACHINE_METHODS],
    ['OPTIONS', '/machines', 405, MACHINE_METHODS],
    ['PUT', '/discovery', 400, ONLY_HTTP_GET],
    ['DELETE', '/discovery', 400, ONLY_HTTP_GET],
    ['OPTIONS', '/discovery', 400, ONLY_HTTP_GET],
    ['HEAD', '/discovery', 400, null],
    ['PUT', '', 405, ''],
    ['DELETE', '', 405, ''],
    ['OPTIONS', '', 405, ''],
    ['GET', '/', 404, ''],
    ['PUT', '/', 404, ''],
    ['GET', '/units/', 404, ''],
    ['PUT', '/units/', 404, ''],
    ['GET', '/state/', 404, ''],
    ['GET', '/discovery/', 404, ''],
    ['PATCH', '/machines/', 404, ''],
    ['GET', '/machines/x', 404, ''],
    ['GET', '/units/a%2Fb.service', 404, ''],
    ['GET', '/state/a%2Fb.service', 404, ''],
    ['GET', '/Units', 404, ''],
    ['GET', '/units;a', 404, ''],
    ['GET', '/unitsx', 404, ''],
    ['GET', '/units/no%20such', 404, 'unit does not exist'],
    ['GET', '/units/%00', 404, 'unit does not exist'],
    ['GET', '/units/plain', 404, 'unit does not exist'],
    ['DELETE', '/units/plain', 404, 'unit does not exist'],
    ['GET', '/units?nextPageToken=%zz', 200, {} as never],
    ['GET', '/state?unitName=&machineID=', 200, {} as never],
  ])('%s %s: %i', async (method, path, status, body) => {
    await expectAsSpecified({ title: `${method} ${path}`, send: [method, `${prefix}${path}`], status, body });
  });
});

describe('beyond the recorded exchanges', () => {
  it.each<Row>([
    // Routes
    { title: 'every method at the root', send: ['DELETE', '/'], status: 405, body: '' },
    { title: 'a path of nobody, with a body', send: ['PUT', '/fleet', '{}'], status: 404, body: '' },
    { title: 'the other case of a prefix', send: ['GET', '/FLEET/v1/units'], status: 404, body: '' },
    { title: 'a slash after metrics', send: ['GET', '/metrics/'], status: 404, body: '' },
    { title: 'the absolute form', send: ['GET', 'http://elsewhere:1/fleet/v1/units?alt=json'], status: 200, body: {} },
    { title: 'a redirect of a PUT keeps the query', send: ['PUT', '/fleet/v1/units//a.service?alt=json', '{}'], status: 301, location: '/fleet/v1/units/a.service?alt=json' },
    { title: 'a redirect of what was escaped', send: ['GET', '/fleet/v1/units/%2e%2e/machines'], status: 301, location: '/fleet/v1/machines' },
    { title: 'a redirect to a directory', send: ['GET', '/fleet/v1//units/'], status: 301, location: '/fleet/v1/units/' },
    { title: 'a redirect by an escaped slash', send: ['GET', '/fleet/v1/units/%2Fa%40b.service'], status: 301, location: '/fleet/v1/units/a@b.service' },
    { title: 'a redirect to the root', send: ['GET', '//'], status: 301, location: '/' },
    { title: 'a dot at the end', send: ['GET', '/fleet/v1/units/.'], status: 301, location: '/fleet/v1/units' },
    // While the machine has not joined
    { title: 'a closed gate: discovery', given: { available: false }, send: ['GET', '/fleet/v1/discovery'], status: 503, body: 'fleet server unable to communicate with etcd' },
    { title: 'a closed gate: metrics', given: { available: false }, send: ['GET', '/metrics'], status: 503, body: 'fleet server unable to communicate with etcd' },
    { title: 'a closed gate: nowhere', given: { available: false }, send: ['DELETE', '/nowhere'], status: 503, body: 'fleet server unable to communicate with etcd' },
    { title: 'a closed gate: a path that is not clean', given: { available: false }, send: ['GET', '/fleet/v1//units'], status: 503, body: 'fleet server unable to communicate with etcd' },
    // While the store is away
    ...['/fleet/v1/state', '/fleet/v1/state/a.service', '/fleet/v1/units/a.service', '/v1-alpha/machines'].map((path) => ({ title: `store away: GET ${path}`, given: { registryDown: true }, send: ['GET', path] as const, status: 500, body: '' })),
    { title: 'store away: DELETE', given: { registryDown: true }, send: ['DELETE', '/fleet/v1/units/a.service'], status: 500, body: '' },
    { title: 'store away: a change of state', given: { registryDown: true }, send: ['PUT', '/fleet/v1/units/a.service', { desiredState: 'loaded' }], status: 500, body: '' },
    { title: 'store away: PATCH', given: { registryDown: true }, send: ['PATCH', '/fleet/v1/machines', [{ op: 'add', path: '/m/metadata/k', value: { value: 'v' } }]], status: 500 },
    { title: 'store away: what needs no store is judged first', given: { registryDown: true }, send: ['GET', '/fleet/v1/units?nextPageToken=ZAAAAA=='], status: 400, body: 'token page must be greater than zero' },
    { title: 'store away: a name', given: { registryDown: true }, send: ['PUT', '/fleet/v1/units/plain', {}], status: 400, body: 'unit name must contain "."' },
    { title: 'store away: an empty PATCH', given: { registryDown: true }, send: ['PATCH', '/fleet/v1/machines', '[]'], status: 204, body: null },
    // Pages, filters and order
    { title: 'token: CR and LF are skipped', send: ['GET', '/fleet/v1/units?nextPageToken=ZAAC%0D%0AAA=='], status: 200, body: {} },
    { title: 'token: loose bits at the end', send: ['GET', '/fleet/v1/units?nextPageToken=ZAACAB=='], status: 200, body: {} },
    { title: 'token: the other alphabet', send: ['GET', '/fleet/v1/units?nextPageToken=%2B%2F8CAA=='], status: 400 },
    { title: 'token: no padding', send: ['GET', '/fleet/v1/units?nextPageToken=ZAACAA'], status: 400 },
    { title: 'token: more after the padding', send: ['GET', '/fleet/v1/units?nextPageToken=ZAACAA==AAAA'], status: 400 },
    { title: 'token: twice, one of them empty', send: ['GET', '/fleet/v1/units?nextPageToken=&nextPageToken='], status: 400, body: 'too many values for page token' },
    { title: 'token: a broken pair does not count', send: ['GET', '/fleet/v1/units?nextPageToken=%z&nextPageToken=ZAACAA=='], status: 200, body: {} },
    { title: 'token: size is looked at before page', given: { tokenLimit: 3 }, send: ['GET', '/fleet/v1/machines?nextPageToken=BAAAAA=='], status: 400, body: 'token limit must be 3' },
    { title: 'token: a full page of machines has one more', given: { tokenLimit: 1, machines: [{ id: M1 }] }, send: ['GET', '/fleet/v1/machines'], status: 200, body: { machines: [{ id: M1 }], nextPageToken: 'AQACAA==' } },
    { title: 'token: the highest page', given: { tokenLimit: 1, machines: [{ id: M1 }] }, send: ['GET', '/fleet/v1/machines?nextPageToken=AQD__w=='], status: 200, body: {} },
    { title: 'filters come before pages', given: { tokenLimit: 1, machines: [{ id: M1 }, { id: M2 }], states: [state, { ...state, machineID: M2 }, { ...state, name: 'z.service' }] }, send: ['GET', `/fleet/v1/state?machineID=${M1}&nextPageToken=AQACAA==`], status: 200, body: { nextPageToken: 'AQADAA==', states: [{ ...state, name: 'z.service' }] } },
    { title: 'of several filters the first counts', given: running, send: ['GET', '/fleet/v1/state?unitName=old.service&unitName=other.service'], status: 200, body: { states: [state] } },
    { title: 'filters know upper case', given: running, send: ['GET', '/fleet/v1/state?unitName=OLD.service'], status: 200, body: {} },
    { title: 'reports of destroyed units are listed', given: { machines: [{ id: M1 }], states: [state] }, send: ['GET', '/fleet/v1/state'], status: 200, body: { states: [state] } },
    { title: 'reports by unit, then machine', given: { machines: [{ id: M2 }, { id: M1 }], states: [{ ...state, machineID: M2 }, { ...state, name: 'old-er.service' }, state] }, send: ['GET', '/fleet/v1/state'], status: 200, body: { states: [{ ...state, name: 'old-er.service' }, state, { ...state, machineID: M2 }] } },
    // What a unit's machine and current state are
    { title: 'placed and not reported', given: { units: [{ ...unit, heartbeat: null }], machines: [{ id: M1 }] }, send: ['GET', '/fleet/v1/units/old.service'], status: 200, body: { ...shown, currentState: 'inactive' } },
    { title: 'reported by another machine only', given: { units: [unit], machines: [{ id: M1 }, { id: M2 }], states: [{ ...state, machineID: M2 }] }, send: ['GET', '/fleet/v1/units/old.service'], status: 200, body: { ...shown, currentState: 'inactive' } },
    { title: 'reported without a placement', given: { units: [{ ...unit, machineID: null, heartbeat: M1 }], machines: [{ id: M1 }], states: [state] }, send: ['GET', '/fleet/v1/units/old.service'], status: 200, body: { currentState: 'inactive', desiredState: 'launched', name: 'old.service', options: [exec('/bin/old')] } },
    { title: 'the last Global counts', given: { units: [{ name: 'g.service', options: [exec('/bin/g'), { section: 'X-Fleet', name: 'Global', value: 'true' }, { section: 'X-Fleet', name: 'Global', value: 'no' }] }] }, send: ['GET', '/fleet/v1/units/g.service'], status: 200, body: { currentState: 'inactive', desiredState: 'inactive', name: 'g.service', options: [exec('/bin/g'), { section: 'X-Fleet', name: 'Global', value: 'true' }, { section: 'X-Fleet', name: 'Global', value: 'no' }] } },
    { title: 'names in byte order', given: { units: ['b.service', 'B.service', 'a-b.service', 'a.service', 'a@1.service'].map((name) => ({ name, options: [exec('/bin/x')] })) }, send: ['GET', '/v1-alpha/units'], status: 200, body: { units: ['B.service', 'a-b.service', 'a.service', 'a@1.service', 'b.service'].map((name) => ({ currentState: 'inactive', desiredState: 'inactive', name, options: [exec('/bin/x')] })) } },
    // PUT of a unit
    { title: 'media type: three lines', send: ['PUT', '/fleet/v1/units/a.service', {}, { 'Content-Type': ['application/json', 'application/json', 'text/plain'] }], status: 415, body: 'expected 1 Content-Type, got 3' },
    { title: 'media type: upper case', send: ['PUT', '/fleet/v1/units/a.service', {}, { 'Content-Type': 'Application/JSON' }], status: 415, body: 'only acceptable Content-Type is application/json' },
    { title: 'media type: empty', send: ['PUT', '/fleet/v1/units/a.service', {}, { 'Content-Type': '' }], status: 415, body: 'only acceptable Content-Type is application/json' },
    { title: 'media type: a list', send: ['PUT', '/fleet/v1/units/a.service', {}, { 'Content-Type': 'application/json, text/plain' }], status: 415, body: 'only acceptable Content-Type is application/json' },
    { title: 'media type: blanks before the parameters', send: ['PUT', '/fleet/v1/units/a.service', {}, { 'Content-Type': 'application/json ; x=y' }], status: 409, body: 'unit does not exist and options field empty' },
    { title: 'media type before body', send: ['PUT', '/fleet/v1/units/a.service', '{', { 'Content-Type': 'text/plain' }], status: 415, body: 'only acceptable Content-Type is application/json' },
    { title: 'body before name', send: ['PUT', '/fleet/v1/units/plain', '{'], status: 400 },
    { title: 'the other name before the rules of names', send: ['PUT', '/fleet/v1/units/plain', { name: 'other' }], status: 400, body: 'name in URL "plain" differs from unit name in request body "other"' },
    { title: 'the other name, quoted', send: ['PUT', '/fleet/v1/units/a%22%5C.service', { name: 'b\u0001\u0007\t"' }], status: 400, body: String.raw`name in URL "a\"\\.service" differs from unit name in request body "b\x01\a\t\""` },
    { title: 'null as the whole body', given: running, send: ['PUT', '/fleet/v1/units/old.service', 'null'], status: 409, body: 'must provide DesiredState to update existing unit' },
    { title: 'null members', given: running, send: ['PUT', '/fleet/v1/units/old.service', '{"name":null,"options":null,"desiredState":null,"machineID":null}'], status: 409, body: 'must provide DesiredState to update existing unit' },
    { title: 'an empty state is none', given: running, send: ['PUT', '/fleet/v1/units/old.service', { desiredState: '' }], status: 409, body: 'must provide DesiredState to update existing unit' },
    { title: 'the last of two members wins', given: running, send: ['PUT', '/fleet/v1/units/old.service', '{"desiredState":"inactive","DESIREDSTATE":"launched"}'], status: 204, body: null, units: [shown], machines: [{ id: M1 }] },
    { title: 'unknown members may be anything', given: running, send: ['PUT', '/fleet/v1/units/old.service', '{"x":[{"desiredState":1}],"desiredState":"launched","_":null}'], status: 204, body: null },
    { title: 'a wrong type where nobody looks', given: running, send: ['PUT', '/fleet/v1/units/old.service', '{"currentState":[],"desiredState":"loaded"}'], status: 400 },
    { title: 'the same state again', given: running, send: ['PUT', '/v1-alpha/units/old.service', { desiredState: 'launched' }], status: 204, body: null, units: [shown], machines: [{ id: M1 }] },
    { title: 'a replacement with a state', given: running, send: ['PUT', '/fleet/v1/units/old.service', { desiredState: 'launched', options: [exec('/bin/new')] }], status: 201, body: null, units: [{ ...shown, options: [exec('/bin/new')] }], machines: [{ id: M1 }] },
    { title: 'the same options in another order of sections are another file', given: { units: [{ name: 'o.service', options: [{ section: 'Unit', name: 'A', value: '1' }, exec('/bin/o')], desiredState: 'loaded' }] }, send: ['PUT', '/fleet/v1/units/o.service', { options: [exec('/bin/o'), { section: 'Unit', name: 'A', value: '1' }] }], status: 201, body: null, units: [{ currentState: 'inactive', desiredState: 'inactive', name: 'o.service', options: [exec('/bin/o'), { section: 'Unit', name: 'A', value: '1' }] }] },
    { title: 'options are gathered by section', send: ['PUT', '/fleet/v1/units/n.service', { options: [{ section: 'A', name: 'x', value: '1' }, { section: 'B', name: 'y', value: '2' }, { section: 'A', name: 'z', value: '3' }] }], status: 201, body: null, units: [{ currentState: 'inactive', desiredState: 'inactive', name: 'n.service', options: [{ section: 'A', name: 'x', value: '1' }, { section: 'A', name: 'z', value: '3' }, { section: 'B', name: 'y', value: '2' }] }] },
    { title: 'an escaped name', send: ['PUT', '/fleet/v1/units/dev%5Cx2dsda.mount', { options: [{ section: 'Mount', name: 'What', value: '<&>\u2028x' }] }], status: 201, body: null, units: [{ currentState: 'inactive', desiredState: 'inactive', name: String.raw`dev\x2dsda.mount`, options: [{ name: 'What', section: 'Mount', value: '<&>\u2028x' }] }] },
    { title: 'a new template, inactive', send: ['PUT', '/fleet/v1/units/t@.service', { options: [exec('/bin/t')], desiredState: 'inactive' }], status: 201, body: null, units: [{ currentState: 'inactive', desiredState: 'inactive', name: 't@.service', options: [exec('/bin/t')] }] },
    { title: 'a template to be loaded', given: { units: [{ name: 't@.service', options: [exec('/bin/t')] }] }, send: ['PUT', '/fleet/v1/units/t%40.service', { desiredState: 'loaded' }], status: 400, body: 'cannot activate template "t@.service"' },
    { title: 'a name with two at signs', send: ['PUT', '/fleet/v1/units/a@b@c.service', { options: [exec('/bin/a')] }], status: 201, body: null },
    { title: 'a name that is a suffix', send: ['PUT', '/fleet/v1/units/.service', { options: [exec('/bin/a')] }], status: 201, body: null },
    { title: 'a name of 257 bytes', send: ['PUT', `/fleet/v1/units/${'é'.repeat(125)}.service`.replaceAll('é', '%C3%A9'), { options: [exec('/bin/a')] }], status: 400, body: 'unit name exceeds maximum length (256)' },
    { title: 'a name with a quote', send: ['PUT', "/fleet/v1/units/a'.service", { options: [exec('/bin/a')] }], status: 400, body: String.raw`invalid character '\'' in unit name` },
    { title: 'a name with a line end', send: ['PUT', '/fleet/v1/units/a%0A.service', { options: [exec('/bin/a')] }], status: 400, body: String.raw`invalid character '\n' in unit name` },
    // Combinations of requirements
    { title: 'an empty MachineID counts', send: ['PUT', '/fleet/v1/units/o.service', { options: [{ section: 'X-Fleet', name: 'MachineID', value: '' }, { section: 'X-Fleet', name: 'Global', value: 'on' }] }], status: 400, body: 'MachineID cannot be used with Global' },
    { title: 'an empty MachineOf counts', send: ['PUT', '/fleet/v1/units/o.service', { options: [{ section: 'X-Fleet', name: 'MachineOf', value: '' }, { section: 'X-Fleet', name: 'Global', value: 'on' }] }], status: 400, body: 'Global cannot be used with Peers' },
    { title: 'an empty Conflicts does not', send: ['PUT', '/fleet/v1/units/o.service', { options: [{ section: 'X-Fleet', name: 'Conflicts', value: '' }, { section: 'X-Fleet', name: 'MachineID', value: 'x' }] }], status: 201, body: null },
    { title: 'the old names', send: ['PUT', '/fleet/v1/units/o.service', { options: [{ section: 'X-Fleet', name: 'X-ConditionMachineBootID', value: 'x' }, { section: 'X-Fleet', name: 'X-Conflicts', value: 'a' }] }], status: 400, body: 'MachineID cannot be used with Conflicts' },
    { title: 'unknown requirements are the business of the client', send: ['PUT', '/fleet/v1/units/o.service', { options: [{ section: 'X-Fleet', name: 'Nonsense', value: 'x' }] }], status: 201, body: null },
    // DELETE of a unit, and damaged ones
    { title: 'DELETE takes any body', given: running, send: ['DELETE', '/v1-alpha/units/old.service?alt=json', '}{', {}], status: 204, body: null, units: [], machines: [{ id: M1 }] },
    { title: 'DELETE of a damaged unit', given: { units: [{ name: 'stuck.service', options: [exec('/bin/s')], desiredState: 'started' }] }, send: ['DELETE', '/fleet/v1/units/stuck.service'], status: 204, body: null, units: [] },
    { title: 'PUT of a state repairs a damaged unit', given: { units: [{ name: 'stuck.service', options: [exec('/bin/s')], desiredState: 'started' }] }, send: ['PUT', '/fleet/v1/units/stuck.service', { desiredState: 'inactive' }], status: 204, body: null, units: [{ currentState: 'inactive', desiredState: 'inactive', name: 'stuck.service', options: [exec('/bin/s')] }] },
    { title: 'PUT of a damaged unit as it was', given: { units: [{ name: 'stuck.service', options: [exec('/bin/s')], desiredState: 'started' }] }, send: ['PUT', '/fleet/v1/units/stuck.service', { options: [exec('/bin/s')], desiredState: 'loaded' }], status: 204, body: null, units: [{ currentState: 'inactive', desiredState: 'loaded', name: 'stuck.service', options: [exec('/bin/s')] }] },
    { title: 'GET of a damaged unit', given: { units: [{ name: 'stuck.service', options: [exec('/bin/s')], desiredState: 'started' }] }, send: ['GET', '/fleet/v1/units/stuck.service'], status: 200, body: { currentState: 'inactive', desiredState: 'inactive', name: 'stuck.service', options: [exec('/bin/s')] } },
    { title: 'PUT of a damaged unit with another text', given: { units: [{ name: 'stuck.service', options: [exec('/bin/s')], desiredState: 'started' }] }, send: ['PUT', '/fleet/v1/units/stuck.service', { options: [exec('/bin/t')], desiredState: 'loaded' }], status: 201, body: null, units: [{ currentState: 'inactive', desiredState: 'loaded', name: 'stuck.service', options: [exec('/bin/t')] }] },
    // Machines
    { title: 'a machine without an address', given: { machines: [{ id: M1, metadata: { b: '2', a: '1', 10: 'x', 9: '' } }] }, send: ['GET', '/v1-alpha/machines?alt=json'], status: 200, body: { machines: [{ id: M1, metadata: { 10: 'x', 9: '', a: '1', b: '2' } }] } },
    { title: 'PATCH: later operations win', given: { machines: [{ id: M1 }] }, send: ['PATCH', '/v1-alpha/machines', [{ op: 'add', path: `/${M1}/metadata/k`, value: { value: '1' } }, { op: 'remove', path: `/${M1}/metadata/k` }, { op: 'replace', path: `/${M1}/metadata/k`, value: { value: '3' } }]], status: 204, body: null, machines: [{ id: M1, metadata: { k: '3' } }] },
    { title: 'PATCH: what comes after the list is not read', given: { machines: [{ id: M1 }] }, send: ['PATCH', '/fleet/v1/machines', `[{"OP":"add","Path":"/${M1}/metadata/k","VALUE":{"Value":"v"}}] x`], status: 204, body: null, machines: [{ id: M1, metadata: { k: 'v' } }] },
    { title: 'PATCH: null', send: ['PATCH', '/fleet/v1/machines', 'null'], status: 204, body: null },
    { title: 'PATCH: null in the list', send: ['PATCH', '/fleet/v1/machines', '[null]'], status: 400, body: 'invalid op: expect add, remove, or replace' },
    { title: 'PATCH: an operation in capitals', send: ['PATCH', '/fleet/v1/machines', [{ op: 'ADD', path: '/m/metadata/k', value: { value: 'v' } }]], status: 400, body: 'invalid op: expect add, remove, or replace' },
    { title: 'PATCH: op before path before value', send: ['PATCH', '/fleet/v1/machines', [{ op: 'add', path: '/m/metadata/', value: {} }]], status: 400, body: 'machine metadata path invalid' },
    { title: 'PATCH: a null value', send: ['PATCH', '/fleet/v1/machines', [{ op: 'add', path: '/m/metadata/k', value: { value: null } }]], status: 400, body: 'invalid value: add and replace require a value' },
    { title: 'PATCH: removing hides what the machine says', given: { machines: [{ id: M1, metadata: { a: '1' }, dynamicMetadata: { b: '' } }] }, send: ['PATCH', '/fleet/v1/machines', [{ op: 'remove', path: `/${M1}/metadata/a`, value: { value: 'ignored' } }]], status: 204, body: null, machines: [{ id: M1 }] },
    { title: 'PATCH: the parent directory', send: ['PATCH', '/fleet/v1/machines', [{ op: 'add', path: '/../metadata/k', value: { value: 'v' } }]], status: 400, body: 'machine metadata path invalid' },
    // One report
    { title: 'no report, for the client that crashes on a 404', send: ['GET', '/v1-alpha/state/a.service?alt=json', undefined, { 'User-Agent': 'google-api-go-client/0.5' }], status: 503, body: 'unit state does not exist' },
    { title: 'no report, for anybody else', send: ['GET', '/fleet/v1/state/a.service', undefined, { 'User-Agent': 'curl/8' }], status: 404, body: 'unit state does not exist' },
    { title: 'of several reports the lowest machine', given: { machines: [{ id: M2 }, { id: M1 }], states: [{ ...state, machineID: M2 }, state] }, send: ['GET', '/fleet/v1/state/old.service'], status: 200, body: state },
  ])('$title', expectAsSpecified);
});

let etcd: TestEtcd | undefined;
let etcdStore: Store | undefined;
let prefixes = 0;
beforeAll(async () => {
  if (!etcdIsUsable()) return;
  etcd = await startTestEtcd();
  etcdStore = createEtcdStore({ endpoints: etcd.endpoints });
});
afterAll(async () => {
  await etcdStore?.[Symbol.asyncDispose]();
  await etcd?.stop();
});

/** On the embedded store, and on etcd where one is installed. */
async function expectAsSpecified(row: Row): Promise<void> {
  await using memoryStore = createMemoryStore();
  for (const store of etcdStore === undefined ? [memoryStore] : [memoryStore, etcdStore]) {
    const outcome = await runApiCase(toCase(row), { store, prefix: `/fleet/${(prefixes += 1)}/`, serve: serveFromDaemon });
    expect([store === memoryStore ? 'embedded' : 'etcd', outcome]).toEqual([expect.any(String), { kind: 'passed' }]);
  }
}
