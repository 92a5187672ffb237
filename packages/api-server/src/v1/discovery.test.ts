import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestServer, TestCluster, type TestServer } from '../testing/index.ts';

interface Parameter {
  readonly location: 'path' | 'query';
  readonly required?: boolean;
}
interface Method {
  readonly id: string;
  readonly httpMethod: string;
  readonly path: string;
  readonly parameters?: Readonly<Record<string, Parameter>>;
  readonly parameterOrder?: readonly string[];
  readonly request?: { readonly $ref: string };
  readonly response?: { readonly $ref: string };
}
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
}
interface Description {
  readonly rootUrl: string;
  readonly servicePath: string;
  readonly schemas: Readonly<Record<string, Schema>>;
  readonly resources: Readonly<Record<string, { readonly methods: Readonly<Record<string, Method>> }>>;
}

/** What a generated client does: everything it knows comes from the document. */
class BuiltClient {
  readonly description: Description;
  readonly #server: TestServer;

  constructor(description: Description, server: TestServer) {
    this.description = description;
    this.#server = server;
  }

  get methods(): readonly Method[] {
    return Object.values(this.description.resources).flatMap(({ methods }) => Object.values(methods));
  }

  async call(id: string, parameters: Readonly<Record<string, string>> = {}, body?: unknown): Promise<unknown> {
    const method = this.methods.find((one) => one.id === id);
    if (method === undefined) throw new Error(`the document has no method ${id}`);
    let { path } = method;
    const query = new URLSearchParams({ alt: 'json' });
    for (const [name, { location, required }] of Object.entries(method.parameters ?? {})) {
      const value = parameters[name];
      if (required === true && value === undefined) throw new Error(`${id} needs ${name}`);
      if (value === undefined) continue;
      if (location === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
      else query.set(name, value);
    }
    const { rootUrl, servicePath } = this.description;
    const url = new URL(`${rootUrl.replace('$ENDPOINT', 'http://fleet.test')}${servicePath}${path}?${String(query)}`);
    const answer = await this.#server.request(method.httpMethod, `${url.pathname}${url.search}`, method.request === undefined ? undefined : body);
    if (answer.status >= 300) throw new Error(`${id}: ${answer.status} ${answer.body}`);
    if (method.response === undefined) return undefined;
    const value: unknown = JSON.parse(answer.body);
    this.#check(value, method.response, id);
    return value;
  }

  /** The answer holds what the schema says and nothing else. */
  #check(value: unknown, schema: Schema, where: string): void {
    const { type, properties = {}, additionalProperties, items, enum: words } = schema.$ref === undefined ? schema : (this.description.schemas[schema.$ref] ?? {});
    switch (type) {
      case 'string':
        expect([where, typeof value]).toEqual([where, 'string']);
        if (words !== undefined) expect(words).toContain(value);
        return;
      case 'array':
        for (const [index, item] of (value as readonly unknown[]).entries()) this.#check(item, items ?? {}, `${where}[${index}]`);
        return;
      case 'object':
        for (const [name, member] of Object.entries(value as object)) {
          const inner = properties[name] ?? additionalProperties;
          if (inner === undefined) throw new Error(`${where}.${name} is not in the document`);
          this.#check(member, inner, `${where}.${name}`);
        }
        return;
      default:
        throw new Error(`${where}: the document has no type for it`);
    }
  }
}

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ tokenLimit: 2 });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(['/fleet/v1', '/v1-alpha'])('a client that builds itself from %s/discovery', (prefix) => {
  it('finds every method it describes working as described', async () => {
    const client = new BuiltClient(JSON.parse((await server.request('GET', `${prefix}/discovery`)).body) as Description, server);
    const called = new Set<string>();
    const call = async (id: string, parameters?: Readonly<Record<string, string>>, body?: unknown): Promise<unknown> => {
      called.add(id);
      return await client.call(id, parameters, body);
    };
    const names = ['a.service', 'web@1.service', 'c.service', String.raw`d\x2d.service`];
    for (const name of names) await call('fleet.Unit.Set', { unitName: name }, { name, options: [{ section: 'Service', name: 'ExecStart', value: `/bin/${name}` }], desiredState: 'launched' });
    if (prefix === '/fleet/v1') await new TestCluster(server.registry).join('m1', { region: 'eu' }, '192.0.2.1').then(async () => await server.request('PATCH', '/fleet/v1/machines', [{ op: 'add', path: '/m1/metadata/rack', value: 'r1' }]));

    const listed: string[] = [];
    for (let token: string | undefined, pages = 0; pages < 10; pages += 1) {
      const page = (await call('fleet.Unit.List', token === undefined ? {} : { nextPageToken: token })) as { readonly units?: readonly { readonly name: string }[]; readonly nextPageToken?: string };
      listed.push(...(page.units ?? []).map(({ name }) => name));
      token = page.nextPageToken;
      if (token === undefined) break;
    }
    expect(listed).toEqual([...names].sort());
    expect(await call('fleet.Unit.Get', { unitName: 'web@1.service' })).toMatchObject({ name: 'web@1.service', desiredState: 'launched' });
    expect(await call('fleet.Machine.List')).toEqual({ machines: [{ id: 'm1', metadata: { rack: 'r1', region: 'eu' }, primaryIP: '192.0.2.1' }] });
    expect(await call('fleet.UnitState.List', { unitName: 'a.service', machineID: 'm1' })).toEqual({});
    await expect(call('fleet.UnitState.Get', { unitName: 'a.service' })).rejects.toThrow(/404 .*unit state does not exist/);
    for (const name of names) await call('fleet.Unit.Delete', { unitName: name });
    expect(await call('fleet.Unit.List')).toEqual({});
    expect(called).toEqual(new Set(client.methods.map(({ id }) => id)));
  });
});
