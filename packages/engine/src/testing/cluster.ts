import type { MachineId, Metadata, TargetState, UnitHash, UnitName } from '@fleet/model';
import { createRegistry, type Registry, type Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger, type Logger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { hashText, parseUnitFile, readRequirements } from '@fleet/unit-parser';
import { createEngine, type Engine, type EngineOptions } from '../engine.ts';

export const TTL_MS = 30_000;

/** A unit file with one option of `[X-Fleet]`. */
export const withFleet = (option: string): string => `[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\n${option}\n`;

/** A machine as the engine sees it: a key under a lease, and states it reports. Nothing runs there. */
export interface TestMachine {
  readonly id: MachineId;
  readonly sessionId: string;
  lease: string;
  alive: boolean;
}

/** An engine that runs until it or its cluster is ended. */
export type RunningEngine = Engine & { readonly abort: () => Promise<void> };

/** A cluster without daemons, for tests of the engine: a store in memory, a clock that stands still, and what users and agents would write. */
export class TestCluster {
  readonly clock = new FakeClock();
  readonly store: Store = createMemoryStore({ clock: this.clock });
  readonly registry: Registry;
  readonly machines = new Map<string, TestMachine>();
  readonly #engines: RunningEngine[] = [];
  readonly #controller = new AbortController();

  constructor(logger: Logger = silentLogger) {
    this.registry = createRegistry(this.store, { clock: this.clock, logger });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async close(): Promise<void> {
    for (const engine of this.#engines) await engine.abort();
    this.#controller.abort(new Error('test is over'));
    await this.clock.advance(0);
    await this.store[Symbol.asyncDispose]();
  }

  /** The engine of `m1` unless told, when it has done what there was to do. */
  async startEngine(over: Partial<EngineOptions> = {}): Promise<RunningEngine> {
    const engine = createEngine({
      registry: this.registry,
      machine: 'm1' as MachineId,
      sessionId: 'engine-1',
      clock: this.clock,
      logger: silentLogger,
      agentTtlMs: TTL_MS,
      random: () => 0,
      ...over,
    });
    const controller = new AbortController();
    const done = engine.run(controller.signal).catch((error: unknown) => error);
    const abort = async (): Promise<void> => {
      controller.abort(new Error('stopped'));
      await this.settle();
      await done;
    };
    const running = Object.assign(engine, { abort });
    this.#engines.push(running);
    await this.settle();
    return running;
  }

  async addMachine(name: string, metadata: Metadata = {}): Promise<TestMachine> {
    const id = name as MachineId;
    const { id: lease } = await this.registry.grantLease(TTL_MS);
    const machine: TestMachine = { id, sessionId: `session-${name}-${String(this.clock.now())}`, lease, alive: true };
    this.machines.set(name, machine);
    await this.registry.registerMachine({ id, bootId: 'boot', sessionId: machine.sessionId, address: '', metadata, version: '1.0.0', capabilities: {} }, lease);
    return machine;
  }

  /** The machine is cut off: its lease runs out at once. */
  async kill(name: string): Promise<void> {
    const machine = this.machine(name);
    machine.alive = false;
    await this.registry.revokeLease(machine.lease);
  }

  machine(name: string): TestMachine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }

  async createUnit(name: string, text = '[Service]\nExecStart=/bin/sleep infinity\n', targetState: TargetState = 'launched'): Promise<void> {
    const parsed = parseUnitFile(text);
    if (!parsed.ok) throw new Error(parsed.error.message);
    const { global } = readRequirements(parsed.options, name);
    await this.registry.changeUnit({ kind: 'create', name: name as UnitName, text, hash: hashText(text) as UnitHash, global, targetState });
  }

  async setTarget(name: string, targetState: TargetState): Promise<void> {
    await this.registry.changeUnit({ kind: 'target', name: name as UnitName, targetState });
  }

  async report(machine: string, unit: string): Promise<void> {
    const { id, sessionId, lease } = this.machine(machine);
    await this.registry.publishStates(id, sessionId, lease, [
      { kind: 'put', state: { unit: unit as UnitName, machine: id, load: 'loaded', active: 'active', sub: 'running', hash: '0'.repeat(40) as UnitHash, asked: 'launched', generation: 1 } },
    ]);
  }

  /** Every placed unit is reported by its machine. */
  async reportAll(): Promise<void> {
    for (const [unit, machine] of Object.entries(await this.placements())) await this.report(machine, unit);
    await this.settle();
  }

  async unreport(machine: string, unit: string): Promise<void> {
    const { id, sessionId, lease } = this.machine(machine);
    await this.registry.publishStates(id, sessionId, lease, [{ kind: 'delete', unit: unit as UnitName }]);
  }

  /** Lets everything happen that happens without time passing, then moves time on; leases of living machines stay alive. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; ) {
      const slice = Math.min(left, 5000);
      await this.clock.advance(slice);
      left -= slice;
      for (const machine of this.machines.values()) if (machine.alive) await this.registry.keepAlive(machine.lease);
    }
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn += 1) await this.clock.advance(0);
  }

  async placements(): Promise<Record<string, string>> {
    return Object.fromEntries(await this.#values('place', (value) => (value as { machine: string }).machine));
  }

  async pending(): Promise<Record<string, string>> {
    return Object.fromEntries(await this.#values('pending', (value) => (value as { summary: string }).summary));
  }

  async #values(folder: string, pick: (value: unknown) => string): Promise<[string, string][]> {
    const prefix = `/_coreos.com/fleet/${folder}/`;
    const { items } = await this.store.range({ prefix });
    return items.map((item) => [item.key.slice(prefix.length), pick(JSON.parse(item.value))]);
  }
}
