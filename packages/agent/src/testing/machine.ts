import type { MachineId, Metadata, TargetState, UnitHash, UnitName } from '@fleet/model';
import { createRegistry, type Registry, type StateRecord, type Store, type WatchBatch } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger, type Logger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { createMemorySystemd, type MemorySystemd } from '@fleet/systemd/memory';
import { hashText, parseUnitFile, readRequirements } from '@fleet/unit-parser';
import { createAgent, type Agent, type AgentOptions } from '../agent.ts';
import { createVolatileMemory, type RuntimeMemory } from '../runtime-memory.ts';

export const SLEEP = '[Service]\nExecStart=/bin/sleep infinity\n';
export const ONESHOT = '[Service]\nType=oneshot\nExecStart=/bin/true\n';
export const TTL_MS = 30_000;
const OTHER_SESSION = 'other';
const PREFIX = '/_coreos.com/fleet/';

export interface RunningAgent {
  readonly agent: Agent;
  /** Ends it as a signal would. */
  stop(): Promise<void>;
  /** Ends it as kill -9 would: nothing is cleaned up, and it never acts again. */
  kill(): Promise<void>;
}

/** One machine with its agent and systemd, on a store in memory and a clock that stands still. */
export class TestMachine {
  readonly clock = new FakeClock();
  readonly store: Store = createMemoryStore({ clock: this.clock });
  readonly systemd: MemorySystemd = createMemorySystemd({ clock: this.clock });
  readonly id = 'm1' as MachineId;
  memory: RuntimeMemory = createVolatileMemory();
  metadata: Metadata = {};
  shutdown: 'purge' | 'keep' = 'keep';
  onLeaseLoss: 'keep' | 'stop' = 'keep';
  /** While set, every call of the agent to the store fails with it. */
  outage: Error | undefined;
  /** While set, what lies below this part of the keys and changes is not shown to the agent. */
  heldWatches: string | undefined;
  readonly users: Registry = createRegistry(this.store, { clock: this.clock, logger: silentLogger });
  readonly #running = new Set<RunningAgent>();
  #fence = 0;

  async start(over: Partial<AgentOptions> = {}, logger: Logger = silentLogger): Promise<RunningAgent> {
    const controller = new AbortController();
    let killed = false;
    const guard = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (inner, key) => {
          const value: unknown = Reflect.get(inner, key);
          // A watch ends with the signal of whoever was killed.
          if (typeof value !== 'function' || typeof key === 'symbol' || key === 'watch') return value;
          return (...args: unknown[]): unknown => {
            if (killed) return new Promise(() => undefined);
            if (this.outage !== undefined && inner !== (manager as object)) return Promise.reject(this.outage);
            return (value as (...all: unknown[]) => unknown).apply(inner, args);
          };
        },
      });
    const manager = this.systemd.control.openManager();
    const registry = createRegistry(guard(this.#watchedStore()), { clock: this.clock, logger: silentLogger });
    const agent = createAgent({
      registry,
      manager: guard(manager),
      memory: this.memory,
      machine: this.id,
      describe: () => ({ bootId: 'boot', address: '', metadata: this.metadata, version: '1.0.0', capabilities: {} }),
      ttlMs: TTL_MS,
      clock: this.clock,
      logger,
      shutdown: () => this.shutdown,
      onLeaseLoss: () => this.onLeaseLoss,
      ...over,
    });
    const done = agent.run(controller.signal).catch((error: unknown) => {
      if (!controller.signal.aborted) throw error;
    });
    const running: RunningAgent = {
      agent,
      stop: async () => {
        this.#running.delete(running);
        controller.abort(new Error('stopped'));
        await this.settle();
        await done;
        await manager[Symbol.asyncDispose]();
      },
      kill: async () => {
        this.#running.delete(running);
        killed = true;
        this.shutdown = 'keep';
        controller.abort(new Error('killed'));
        await this.settle();
        await manager[Symbol.asyncDispose]();
      },
    };
    this.#running.add(running);
    await this.settle();
    return running;
  }

  async close(): Promise<void> {
    this.shutdown = 'keep';
    for (const running of [...this.#running]) await running.stop();
    await this.systemd[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 60; turn += 1) await this.clock.advance(turn % 3 === 0 ? 1 : 0);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) await this.clock.advance(Math.min(left, 1000));
    await this.settle();
  }

  /** A user creates the unit and the engine places it here. */
  async assign(name: string, text = SLEEP, targetState: TargetState = 'launched', machine: MachineId = this.id): Promise<void> {
    await this.create(name, text, targetState);
    await this.place(name, machine);
    await this.settle();
  }

  async create(name: string, text = SLEEP, targetState: TargetState = 'launched'): Promise<void> {
    const parsed = parseUnitFile(text);
    if (!parsed.ok) throw new Error(parsed.error.message);
    await this.users.changeUnit({ kind: 'create', name: name as UnitName, text, hash: hashText(text) as UnitHash, global: readRequirements(parsed.options, name).global, targetState });
  }

  async place(name: string, machine: MachineId = this.id): Promise<void> {
    const { unit } = (await this.users.readUnit(name))!;
    if (unit.targetState === 'inactive') return;
    await this.users.applyPlacements([{ kind: 'place', unit: unit.name, machine, hash: unit.hash, targetState: unit.targetState, generation: unit.generation, expectUnit: unit.revision }], await this.fence());
  }

  async unplace(name: string): Promise<void> {
    const { unit, placement } = (await this.users.readUnit(name))!;
    await this.users.applyPlacements([{ kind: 'unplace', unit: unit.name, machine: placement!.machine, expectPlacement: placement!.revision }], await this.fence());
    await this.settle();
  }

  async setTarget(name: string, targetState: TargetState): Promise<void> {
    await this.users.changeUnit({ kind: 'target', name: name as UnitName, targetState });
    await this.settle();
  }

  async replace(name: string, text: string, targetState: TargetState = 'launched'): Promise<void> {
    const { unit } = (await this.users.readUnit(name))!;
    await this.users.changeUnit({ kind: 'replace', name: unit.name, text, hash: hashText(text) as UnitHash, global: unit.global, targetState, expect: unit.revision });
    await this.settle();
  }

  async destroy(name: string): Promise<void> {
    await this.users.changeUnit({ kind: 'destroy', name: name as UnitName });
    await this.settle();
  }

  /** Another session takes this machine's id, as another machine with the same id does, or this one before its last boot. Gives its lease. */
  async takeId(leaseMs = TTL_MS): Promise<string> {
    const { id: lease } = await this.users.grantLease(leaseMs);
    await this.writeOther(lease);
    return lease;
  }

  /** That session writes its key, anew if need be. */
  async writeOther(lease: string): Promise<void> {
    await this.users.registerMachine({ id: this.id, bootId: 'other', sessionId: OTHER_SESSION, address: '', metadata: {}, version: '1', capabilities: {} }, lease);
  }

  /** That session leaves in order. */
  async removeOther(): Promise<void> {
    await this.users.removeMachine(this.id, OTHER_SESSION);
  }

  /** What the registry holds of this machine's units. */
  async published(): Promise<Record<string, Partial<StateRecord>>> {
    const prefix = `${PREFIX}state/${this.id}/`;
    const { items } = await this.store.range({ prefix });
    return Object.fromEntries(items.map((item) => [item.key.slice(prefix.length), JSON.parse(item.value) as Partial<StateRecord>]));
  }

  async isRegistered(): Promise<boolean> {
    return (await this.store.get(`${PREFIX}machines/${this.id}`)).item !== null;
  }

  async machineKeyLease(): Promise<string | null> {
    return (await this.store.get(`${PREFIX}machines/${this.id}`)).item?.lease ?? null;
  }

  async deleteKey(name: string): Promise<void> {
    await this.store.transaction({ compare: [], operations: [{ kind: 'delete', key: PREFIX + name }] });
    await this.settle();
  }

  async revision(): Promise<number> {
    return (await this.store.get('none')).revision;
  }

  /** The store as the agent sees it: its watches can be held back. */
  #watchedStore(): Store {
    const watch = (request: { readonly prefix: string; readonly fromRevision: number }, options: { readonly signal: AbortSignal }): AsyncIterable<WatchBatch> => this.#watch(request, options);
    return new Proxy(this.store, {
      get: (store, key) => {
        if (key === 'watch') return watch;
        const value: unknown = Reflect.get(store, key);
        return typeof value === 'function' ? (value.bind(store) as unknown) : value;
      },
    });
  }

  async *#watch(request: { readonly prefix: string; readonly fromRevision: number }, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<WatchBatch> {
    if (this.outage !== undefined) throw this.outage;
    for await (const batch of this.store.watch(request, { signal })) {
      while (this.heldWatches !== undefined && request.prefix.startsWith(PREFIX + this.heldWatches)) await this.clock.sleep(10, { signal });
      yield batch;
    }
  }

  private async fence(): Promise<number> {
    if (this.#fence === 0) {
      const { id } = await this.users.grantLease(1_000_000_000);
      this.#fence = (await this.users.campaign('engine' as MachineId, 'engine', id))!.fence;
    }
    return this.#fence;
  }
}
