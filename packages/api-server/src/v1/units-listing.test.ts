import { describe, expect, it } from '@jest/globals';
import { createKeys, createRegistry, type Registry } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { createLogger, silentLogger, systemClock } from '@fleet/runtime';
import { startTestServer, TestCluster, type TestServer } from '../testing/index.ts';

interface Page {
  readonly units?: readonly { readonly name: string; readonly desiredState: string }[];
  readonly nextPageToken?: string;
}

async function listAll(server: TestServer): Promise<readonly string[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const path: string = `/fleet/v1/units${token === undefined ? '' : `?nextPageToken=${token}`}`;
    const page = JSON.parse((await server.request('GET', path)).body) as Page;
    names.push(...(page.units ?? []).map(({ name, desiredState }) => `${name} ${desiredState}`));
    token = page.nextPageToken;
  } while (token !== undefined);
  return names;
}

describe('the listing of units', () => {
  it('reads each text once, lists the cluster once, and reads nothing again while nothing changes', async () => {
    await using store = createMemoryStore();
    const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
    const calls: string[] = [];
    const counting: Registry = {
      ...registry,
      readUnitRecord: (...args) => (calls.push('readUnitRecord'), registry.readUnitRecord(...args)),
      readText: (hash, options) => (calls.push(`text ${hash}`), registry.readText(hash, options)),
      openMirror: (...args) => (calls.push('openMirror'), registry.openMirror(...args)),
      changeUnit: (...args) => (calls.push('changeUnit'), registry.changeUnit(...args)),
    };
    await using server = await startTestServer({ store, registry: counting });
    const cluster = new TestCluster(registry);
    for (let index = 0; index < 25; index += 1) await cluster.create(`u${String(index).padStart(3, '0')}.service`, `[Unit]\nDescription=${index}\n`);
    // The same text under two names is one text.
    await cluster.create('v.service', '[Unit]\nDescription=0\n');

    expect(await listAll(server)).toHaveLength(26);
    expect(calls.filter((call) => call.startsWith('text ')).length).toBe(25);
    expect(new Set(calls).size).toBe(calls.length);
    expect(calls.filter((call) => call === 'openMirror')).toEqual(['openMirror']);

    calls.length = 0;
    expect(await listAll(server)).toHaveLength(26);
    await server.request('PUT', '/fleet/v1/units/u007.service', { desiredState: 'loaded' });
    expect(await listAll(server)).toContain('u007.service loaded');
    expect(calls).toEqual(['changeUnit']);
  });

  it('leaves out a unit whose text is gone, says so in the log, and answers 500 for the unit alone', async () => {
    const lines: string[] = [];
    await using server = await startTestServer({ logger: createLogger({ level: () => 'info', format: 'text', write: (line) => lines.push(line) }) });
    const cluster = new TestCluster(server.registry);
    await cluster.create('a.service', '[Unit]\nDescription=a\n');
    await cluster.create('b.service', '[Unit]\nDescription=b\n');
    const hash = (await server.registry.readUnit('b.service'))?.unit.hash ?? '';
    const keys = createKeys();
    const { items } = await server.store.range({ prefix: keys.unit('').slice(0, -'units/'.length) });
    const text = items.find(({ key }) => key.endsWith(hash))?.key ?? '';
    await server.store.transaction({ compare: [], operations: [{ kind: 'delete', key: text }] });
    // A daemon that has not read it yet.
    await using other = await startTestServer({ store: server.store, logger: createLogger({ level: () => 'info', format: 'text', write: (line) => lines.push(line) }) });
    expect(await listAll(other)).toEqual(['a.service launched']);
    expect(lines.filter((line) => line.includes('unit left out of the listing'))).toEqual([expect.stringContaining('unit=b.service')]);
    // Nor is it read and told of again because something else has changed.
    await cluster.join('m1');
    expect(await listAll(other)).toEqual(['a.service launched']);
    expect(lines.filter((line) => line.includes('unit left out of the listing'))).toHaveLength(1);
    const answer = await other.request('GET', '/fleet/v1/units/b.service');
    expect([answer.status, answer.body]).toEqual([500, '{"error":{"code":500,"message":""}}']);
    const reference = answer.headers.get('fleet-error-reference') ?? 'none';
    expect(lines.some((line) => line.startsWith('ERROR request failed') && line.includes(`reference=${reference}`))).toBe(true);
  });

  it('keeps a unit that is being taken away on its machine until that has happened', async () => {
    await using server = await startTestServer();
    const cluster = new TestCluster(server.registry);
    await cluster.join('m1');
    await cluster.create('a.service');
    await cluster.place('a.service', 'm1');
    await cluster.report('a.service', 'm1');
    const read = async (): Promise<unknown> => JSON.parse((await server.request('GET', '/fleet/v1/units/a.service')).body) as unknown;
    expect(await read()).toMatchObject({ currentState: 'launched', machineID: 'm1' });
    expect((await server.request('PUT', '/fleet/v1/units/a.service', { desiredState: 'inactive' })).status).toBe(204);
    expect(await read()).toMatchObject({ currentState: 'launched', desiredState: 'inactive', machineID: 'm1' });
    await cluster.leave('m1');
    expect(await read()).toEqual({ currentState: 'inactive', desiredState: 'inactive', name: 'a.service', options: [{ name: 'ExecStart', section: 'Service', value: '/bin/sleep 9' }] });
  });
});
