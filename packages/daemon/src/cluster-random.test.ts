import { describe, expect, it } from '@jest/globals';
import { createAgent, createVolatileMemory, type Agent, type RuntimeMemory } from '@fleet/agent';
import { createEngine } from '@fleet/engine';
import type { MachineId, TargetState, UnitHash, UnitName } from '@fleet/model';
import { createRegistry, type Registry, type Store, type WatchBatch } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { FleetError, shutdownReason, silentLogger } from '@fleet/runtime';
import { createRandom, FakeClock } from '@fleet/runtime/testing';
import { createMemorySystemd, type MemorySystemd } from '@fleet/systemd/memory';
import { hashText, parseUnitFile, readRequirements } from '@fleet/unit-parser';

// Agents and engines of a whole cluster, cut off, killed, powered off and told what to do by chance. No unit ever runs on two machines
// that are both in the cluster, nor, with on_lease_loss=stop, on one that is cut off; once the faults are over every unit runs where it is placed, once, or is said to have no place.

const TTL_MS = 30_000;
/** A machine that comes back has that long to stop what was moved meanwhile. */
const RETURN_MS = 12_000;
/** … and a unit that hangs until systemd kills it so long to stop. */
const STOP_MS = 8000;
const AWAY = new FleetError('the store does not answer', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });
const SLEEP = '[Service]\nExecStart=/bin/sleep infinity\nTimeoutStopSec=8\n';
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'a.service': [SLEEP, '[Service]\nExecStart=/bin/sleep 100000\nTimeoutStopSec=8\n'],
  'b.service': [`${SLEEP}[X-Fleet]\nConflicts=c.service\n`, SLEEP],
  'c.service': [`${SLEEP}[X-Fleet]\nMachineMetadata=disk=ssd\n`, SLEEP],
  'd.service': [`${SLEEP}[X-Fleet]\nMachineOf=a.service\n`, SLEEP],
  'e.service': [`${SLEEP}[X-Fleet]\nReplaces=a.service\n`, `${SLEEP}[X-Fleet]\nConflicts=*.service\n`],
  'g.service': [`${SLEEP}[X-Fleet]\nGlobal=true\nMachineMetadata=disk=ssd\n`],
};
const NAMES = Object.keys(TEXTS);

class Machine {
  readonly id: MachineId;
  readonly systemd: MemorySystemd;
  memory: RuntimeMemory = createVolatileMemory();
  cut = false;
  shutdown: 'purge' | 'keep' = 'keep';
  /** How long it has been in the cluster without a break, and could know of it. */
  insideMs = 0;
  #registeredAt: number | undefined;
  #lookedAt = 0;
  #daemon: { readonly end: AbortController; dead: boolean; readonly done: Promise<unknown>; readonly agent: Agent } | null = null;
  readonly #cluster: Cluster;
  #processes = 0;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.id = name as MachineId;
    this.systemd = createMemorySystemd({ clock: cluster.clock });
  }

  get up(): boolean {
    return this.#daemon !== null;
  }

  start(): void {
    const { clock } = this.#cluster;
    const daemon = { end: new AbortController(), dead: false, done: Promise.resolve() as Promise<unknown> };
    this.#processes += 1;
    const registry = createRegistry(this.#store(daemon), { clock, logger: silentLogger });
    const agent = createAgent({
      registry,
      manager: dying(this.systemd.control.openManager(), daemon),
      memory: this.memory,
      machine: this.id,
      describe: () => ({ bootId: 'boot', address: '', metadata: this.id === 'm1' ? {} : { disk: 'ssd' }, version: '1.0.0', capabilities: {} }),
      ttlMs: TTL_MS,
      clock,
      logger: silentLogger,
      shutdown: () => this.shutdown,
      onLeaseLoss: () => this.#cluster.onLeaseLoss,
    });
    const session = this.memory.session.sessionId;
    const engine = createEngine({
      registry,
      machine: this.id,
      sessionId: `${session}/${this.#processes}`,
      isEarlierSession: (sessionId) => sessionId.startsWith(`${session}/`),
      clock,
      logger: silentLogger,
      agentTtlMs: TTL_MS,
      evacuationPauseShare: 1,
    });
    const leading = new AbortController();
    const engineDone = engine.run(leading.signal).catch(() => undefined);
    const run = async (): Promise<void> => {
      await agent.run(daemon.end.signal).catch(() => undefined);
      leading.abort(shutdownReason);
      await engineDone;
    };
    daemon.done = run();
    this.#daemon = Object.assign(daemon, { agent });
  }

  /** As by a signal; the end is awaited while time goes on. */
  async stop(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === null) return;
    daemon.end.abort(shutdownReason);
    const ended = daemon.done.then(() => true);
    for (let waited = 0; waited < 100_000 && !(await Promise.race([ended, Promise.resolve(false)])); waited += 100) await this.#cluster.pass(100);
    daemon.dead = true;
    this.#daemon = null;
  }

  kill(): void {
    if (this.#daemon === null) return;
    this.#daemon.dead = true;
    this.#daemon.end.abort(shutdownReason);
    this.#daemon = null;
  }

  powerOff(): void {
    this.kill();
    this.systemd.control.reboot();
    this.memory = createVolatileMemory();
  }

  hangAll(): void {
    for (const name of NAMES) if (this.runs(name)) this.systemd.control.hangStop(name);
  }

  /** Takes note of whether it is in the cluster, by the revision at which it was registered. */
  look(registeredAt: number | undefined, now: number): void {
    const { onLeaseLoss } = this.#cluster;
    if (onLeaseLoss === 'stop') {
      // Its agent looks after that, once it knows what is here.
      if (this.#daemon?.agent.status().ready !== true) this.insideMs = 0;
      else this.insideMs += now - this.#lookedAt;
    } else if (registeredAt === undefined || registeredAt !== this.#registeredAt) this.insideMs = 0;
    else if (!this.cut && this.up) this.insideMs += now - this.#lookedAt;
    this.#registeredAt = registeredAt;
    this.#lookedAt = now;
  }

  /** Active or on its way to or from it. */
  runs(name: string): boolean {
    return !['inactive', 'failed'].includes(this.systemd.control.state(name).active);
  }

  #store(daemon: { readonly dead: boolean }): Store {
    const { store } = this.#cluster;
    const isCut = (): boolean => this.cut;
    async function* watch(request: { readonly prefix: string; readonly fromRevision: number }, options: { readonly signal: AbortSignal }): AsyncGenerator<WatchBatch> {
      if (isCut()) throw AWAY;
      for await (const batch of store.watch(request, options)) {
        if (isCut()) throw AWAY;
        yield batch;
      }
    }
    return new Proxy(dying(store, daemon), {
      get: (inner, key) => {
        if (key === 'watch') return watch;
        const value: unknown = Reflect.get(inner, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => (this.cut ? Promise.reject(AWAY) : (value as (...all: unknown[]) => unknown).apply(inner, args));
      },
    });
  }
}

/** The same, until its user is dead: then nothing it does has any effect. */
function dying<T extends object>(target: T, user: { readonly dead: boolean }): T {
  return new Proxy(target, {
    get: (inner, key) => {
      const value: unknown = Reflect.get(inner, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => (user.dead ? new Promise(() => undefined) : (value as (...all: unknown[]) => unknown).apply(inner, args));
    },
  });
}

class Cluster {
  readonly clock = new FakeClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly users: Registry = createRegistry(this.store, { clock: this.clock, logger: silentLogger });
  readonly machines: readonly Machine[];
  readonly onLeaseLoss: 'keep' | 'stop';
  readonly wanted = new Map<string, { text: string; target: TargetState }>();
  readonly story: string[] = [];

  constructor(machines: number, onLeaseLoss: 'keep' | 'stop') {
    this.onLeaseLoss = onLeaseLoss;
    this.machines = Array.from({ length: machines }, (_, index) => new Machine(this, `m${index + 1}`));
  }

  note(what: string): void {
    this.story.push(`${Math.round(this.clock.monotonic())} ${what}`);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; ) {
      const slice = Math.min(left, left > 5000 ? 250 : 20);
      await this.clock.advance(slice);
      left -= slice;
      await this.check();
    }
  }

  /** Whatever happens. */
  async check(): Promise<void> {
    const { items } = await this.store.range({ prefix: '/_coreos.com/fleet/machines/' });
    const registered = new Map(items.map(({ key, createRevision }) => [key.slice(key.lastIndexOf('/') + 1), createRevision]));
    const now = this.clock.monotonic();
    for (const machine of this.machines) machine.look(registered.get(machine.id), now);
    for (const name of NAMES) {
      if (name === 'g.service') continue;
      const on = this.machines.filter((machine) => machine.runs(name));
      if (on.length < 2) continue;
      const inside = on.filter((machine) => machine.insideMs > (machine.systemd.control.state(name).active === 'deactivating' ? RETURN_MS + STOP_MS : RETURN_MS));
      if (inside.length > 1) throw new Error(`${name} runs on ${on.map(({ id }) => id).join(', ')} at ${now}\n${this.story.join('\n')}`);
    }
  }

  async act(next: (below: number) => number): Promise<void> {
    const name = NAMES[next(NAMES.length)] as string;
    const machine = this.machines[next(this.machines.length)] as Machine;
    const unit = this.wanted.get(name);
    const texts = TEXTS[name] as readonly string[];
    switch (next(15)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        if (unit !== undefined) return;
        const text = texts[next(texts.length)] as string;
        const target = next(4) === 0 ? 'loaded' : 'launched';
        this.note(`create ${name} ${target} ${JSON.stringify(text.slice(SLEEP.length))}`);
        await this.users.changeUnit({ kind: 'create', name: name as UnitName, text, hash: hashText(text) as UnitHash, global: isGlobal(text, name), targetState: target });
        this.wanted.set(name, { text, target });
        return;
      }
      case 4:
        if (unit === undefined) return;
        this.note(`destroy ${name}`);
        await this.users.changeUnit({ kind: 'destroy', name: name as UnitName });
        this.wanted.delete(name);
        return;
      case 5:
      case 6: {
        if (unit === undefined) return;
        const target = (['launched', 'loaded', 'inactive', 'launched'] as const)[next(4)] as TargetState;
        this.note(`${name} to ${target}`);
        await this.users.changeUnit({ kind: 'target', name: name as UnitName, targetState: target });
        this.wanted.set(name, { ...unit, target });
        return;
      }
      case 7: {
        const text = texts[next(texts.length)] as string;
        if (unit === undefined || text === unit.text) return;
        this.note(`replace ${name} ${JSON.stringify(text.slice(SLEEP.length))}`);
        const { unit: record } = (await this.users.readUnit(name))!;
        await this.users.changeUnit({ kind: 'replace', name: record.name, text, hash: hashText(text) as UnitHash, global: isGlobal(text, name), targetState: unit.target, expect: record.revision });
        this.wanted.set(name, { ...unit, text });
        return;
      }
      case 8:
        machine.cut = !machine.cut;
        this.note(`${machine.id} ${machine.cut ? 'cut off' : 'back'}`);
        return;
      case 9:
        this.note(`kill ${machine.id}`);
        machine.kill();
        return;
      case 10:
        this.note(`power off ${machine.id}`);
        machine.powerOff();
        return;
      case 11:
        this.note(`start ${machine.id}`);
        if (!machine.up) machine.start();
        return;
      case 12:
        if (!machine.up) return;
        machine.shutdown = next(2) === 0 ? 'purge' : 'keep';
        this.note(`stop ${machine.id} ${machine.shutdown}`);
        await machine.stop();
        return;
      case 13:
        this.note(`what runs on ${machine.id} hangs when it stops`);
        machine.hangAll();
        return;
      case 14: {
        const value = next(2) === 0 ? 'ssd' : 'hdd';
        const hangs = next(2) === 0;
        this.note(`${machine.id} has ${value}${hangs ? ', and what runs there hangs when it stops' : ''}`);
        if (hangs) machine.hangAll();
        await this.users.changeMetadata([{ machine: machine.id, key: 'disk', value }]);
        return;
      }
    }
  }

  async close(): Promise<void> {
    for (const machine of this.machines) {
      machine.cut = false;
      machine.shutdown = 'keep';
      machine.kill();
    }
    await this.clock.advance(0);
    await this.store[Symbol.asyncDispose]();
  }
}

function isGlobal(text: string, name: string): boolean {
  const parsed = parseUnitFile(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return readRequirements(parsed.options, name).global;
}

async function tell(seed: number, onLeaseLoss: 'keep' | 'stop'): Promise<void> {
  const random = createRandom(seed);
  const next = (below: number): number => random.between(0, below - 1);
  const cluster = new Cluster(3, onLeaseLoss);
  try {
    for (const machine of cluster.machines) machine.start();
    await cluster.pass(1000);
    for (let step = 0; step < 50; step += 1) {
      await cluster.act(next);
      const pause = [0, 20, 300, 3000, 40_000][next(5)] as number;
      if (pause > 0) await cluster.pass(1 + next(pause));
    }
    cluster.note('all faults end');
    for (const machine of cluster.machines) {
      machine.cut = false;
      machine.shutdown = 'keep';
      if (!machine.up) machine.start();
    }
    await cluster.pass(200_000);

    const placed = new Map<string, string>();
    const { items } = await cluster.store.range({ prefix: '/_coreos.com/fleet/place/' });
    for (const item of items) placed.set(item.key.slice(item.key.lastIndexOf('/') + 1), (JSON.parse(item.value) as { machine: string }).machine);
    const waiting = new Set((await cluster.store.range({ prefix: '/_coreos.com/fleet/pending/' })).items.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)));
    const story = cluster.story;
    for (const name of NAMES) {
      const unit = cluster.wanted.get(name);
      const on = cluster.machines.filter((machine) => machine.runs(name)).map(({ id }) => id);
      const files = cluster.machines.filter(({ systemd }) => systemd.control.files.has(name)).map(({ id }) => id);
      if (name === 'g.service') continue;
      const home = placed.get(name);
      if (unit === undefined || unit.target === 'inactive') expect({ seed, story, name, on, files, home }).toEqual({ seed, story, name, on: [], files: [], home: undefined });
      else if (home === undefined) expect({ seed, story, name, on, files, waits: waiting.has(name) }).toEqual({ seed, story, name, on: [], files: [], waits: true });
      else expect({ seed, story, name, on, files }).toEqual({ seed, story, name, on: unit.target === 'launched' ? [home] : [], files: [home] });
    }
  } finally {
    await cluster.close();
  }
}

describe.each(['keep', 'stop'] as const)('any story of a cluster with on_lease_loss=%s', (onLeaseLoss) => {
  const stories = Number(process.env.FLEET_TEST_STORIES ?? '10');
  const from = Number(process.env.FLEET_TEST_SEED ?? '1');
  it.each(Array.from({ length: stories }, (_, index) => from + index))('runs no unit twice, and ends as wanted: seed %i', async (seed) => {
    await tell(seed, onLeaseLoss);
  });
});
