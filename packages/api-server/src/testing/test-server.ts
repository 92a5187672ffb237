import { createRegistry, type Registry, type Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import type { MachineId, TargetState, UnitHash, UnitName } from '@fleet/model';
import { silentLogger, systemClock } from '@fleet/runtime';
import { hashText } from '@fleet/unit-parser';
import { createApiServer, type ApiServer, type ApiServerOptions } from '../api-server.ts';
import { exchange, formatRequest, type RawResponse } from './raw-http.ts';

export interface TestServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  readonly registry: Registry;
  readonly address: { readonly host: string; readonly port: number };
  readonly url: string;
  /** One request on a connection of its own. */
  request(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string | readonly string[]>>): Promise<RawResponse>;
  /** Bytes as they are; `null` when the server closes without an answer. */
  send(bytes: string | Buffer): Promise<RawResponse | null>;
}

/** An API server on an embedded registry in memory, on a free port of the loopback interface. */
export async function startTestServer(options: Partial<ApiServerOptions> & { readonly store?: Store } = {}): Promise<TestServer> {
  const store = options.store ?? createMemoryStore();
  const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
  const server = createApiServer({ registry, version: 'v1.0.0', clock: systemClock, logger: silentLogger, availability: { available: () => true }, closeTimeoutMs: 1_000, ...options });
  const [listener] = await server.listen([{ kind: 'tcp', host: '127.0.0.1', port: 0 }]);
  if (listener === undefined || typeof listener.address === 'string') throw new Error('the API server does not listen');
  const { address } = listener;
  const send = async (bytes: string | Buffer): Promise<RawResponse | null> => await exchange(address, Buffer.from(bytes));
  return {
    server,
    store,
    registry,
    address,
    url: `http://${address.host}:${address.port}`,
    send,
    request: async (method, path, body, headers = {}) => {
      const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
      const all = { ...(text !== null && { 'Content-Type': 'application/json' }), ...headers };
      const answer = await send(formatRequest({ method, path, headers: all, body: text }));
      if (answer === null) throw new Error(`${method} ${path}: the connection was closed without an answer`);
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      if (options.store === undefined) await store[Symbol.asyncDispose]();
    },
  };
}

/** A machine and a leader that do what agents and engines do, by hand. */
export class TestCluster {
  readonly #registry: Registry;
  #lease = '';
  #fence = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async join(id: string, metadata: Readonly<Record<string, string>> = {}, address = ''): Promise<MachineId> {
    await this.#lead();
    const machine = id as MachineId;
    await this.#registry.registerMachine({ id: machine, bootId: 'boot', sessionId: `session-${id}`, address, metadata, version: '1.2.3', capabilities: {} }, this.#lease);
    return machine;
  }

  async leave(id: string): Promise<void> {
    await this.#registry.removeMachine(id as MachineId, `session-${id}`);
  }

  async create(name: string, text = `[Service]\nExecStart=/bin/sleep ${name.length}\n`, targetState: TargetState = 'launched'): Promise<number> {
    const global = /^Global=true$/m.test(text);
    const { revision } = await this.#registry.changeUnit({ kind: 'create', name: name as UnitName, text, hash: hashText(text) as UnitHash, global, targetState });
    return revision;
  }

  async place(name: string, machine: string, reason?: string): Promise<void> {
    await this.#lead();
    const stored = await this.#registry.readUnit(name);
    if (stored === null) throw new Error(`unit ${name} does not exist`);
    const { hash, targetState, generation, revision } = stored.unit;
    if (stored.placement !== null) {
      await this.#registry.applyPlacements([{ kind: 'unplace', unit: name as UnitName, machine: stored.placement.machine, expectPlacement: stored.placement.revision }], this.#fence);
    }
    await this.#registry.applyPlacements(
      [{ kind: 'place', unit: name as UnitName, machine: machine as MachineId, hash, targetState: targetState === 'inactive' ? 'loaded' : targetState, generation, expectUnit: revision, ...(reason !== undefined && { reason }) }],
      this.#fence,
    );
  }

  async pend(name: string, summary: string): Promise<void> {
    await this.#lead();
    const pending = { machines: 1, summary, rejections: [{ code: 'metadata', detail: 'region=eu', machines: 1 }] };
    await this.#registry.applyPlacements([{ kind: 'pending', unit: name as UnitName, pending }], this.#fence);
  }

  async report(name: string, id: string, active = 'active', sub = 'running'): Promise<void> {
    const stored = await this.#registry.readUnit(name);
    const machine = id as MachineId;
    const state = {
      unit: name as UnitName,
      machine,
      hash: stored?.unit.hash ?? ('0'.repeat(40) as UnitHash),
      load: 'loaded',
      active,
      sub,
      asked: stored?.unit.targetState === 'loaded' ? ('loaded' as const) : ('launched' as const),
      generation: stored?.unit.generation ?? 1,
    };
    await this.#registry.publishStates(machine, `session-${id}`, this.#lease, [{ kind: 'put', state }]);
  }

  async #lead(): Promise<void> {
    if (this.#lease !== '') return;
    ({ id: this.#lease } = await this.#registry.grantLease(600_000));
    const leader = await this.#registry.campaign('leader' as MachineId, 'leader-session', this.#lease);
    if (leader === null) throw new Error('there is a leader already');
    this.#fence = leader.fence;
  }
}
