import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVolatileMemory, type RuntimeMemory } from '@fleet/agent';
import type { MachineId, Metadata } from '@fleet/model';
import type { Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger } from '@fleet/runtime';
import { FakeClock } from '@fleet/runtime/testing';
import { createMemorySystemd, type MemorySystemd } from '@fleet/systemd/memory';
import { createDaemon, type Daemon } from '../create-daemon.ts';
import { DEFAULT_DAEMON_CONFIG, type DaemonConfig } from '../daemon-options.ts';

export interface ClusterMachine {
  readonly name: string;
  readonly systemd: MemorySystemd;
  readonly daemon: Daemon;
  readonly socket: string;
}

interface Life {
  daemon: Daemon;
  controller: AbortController;
  done: Promise<unknown>;
  cut: { on: boolean };
  memory: RuntimeMemory;
  systemd: MemorySystemd;
  socket: string;
  metadata: Metadata;
}

export type Fault = (call: string, args: readonly unknown[]) => Error | null;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Three daemons and more in one process, sharing a store in memory and a clock that stands still. Each has its own systemd in memory. */
export class SimulatedCluster {
  readonly clock = new FakeClock();
  readonly store: Store = createMemoryStore({ clock: this.clock });
  readonly ttlMs = 30_000;
  /** What goes wrong with calls of daemons to the store: the failure of a call, or null. */
  fault: Fault = () => null;
  readonly #lives = new Map<string, Life>();
  #directory = '';
  #count = 0;

  async open(): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'fleet-cluster-'));
  }

  async close(): Promise<void> {
    for (const name of [...this.#lives.keys()]) await this.kill(name);
    await this.store[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async start(name: string, metadata: Metadata = {}, over: Partial<DaemonConfig> = {}): Promise<ClusterMachine> {
    const before = this.#lives.get(name);
    const systemd = before?.systemd ?? createMemorySystemd({ clock: this.clock });
    const memory = before?.memory ?? createVolatileMemory();
    const cut = { on: false };
    const socket = join(this.#directory, `${name}-${this.#count++}.sock`);
    const manager = systemd.control.openManager();
    const daemon = createDaemon(
      { ...DEFAULT_DAEMON_CONFIG, version: '1.0.0-test', machine: name as MachineId, bootId: 'boot', metadata, listeners: [{ kind: 'unix', path: socket }], ...over },
      { store: severable(this.store, cut, (call, args) => this.fault(call, args)), manager: severable(manager, cut), memory, clock: this.clock, logger: silentLogger },
    );
    const controller = new AbortController();
    await daemon.listen();
    const done = daemon.run(controller.signal).catch((error: unknown) => error);
    this.#lives.set(name, { daemon, controller, done, cut, memory, systemd, socket, metadata });
    await this.settle();
    return { name, systemd, daemon, socket };
  }

  /** TERM: the daemon ends in good order. */
  async stop(name: string): Promise<void> {
    const life = this.life(name);
    life.controller.abort(new Error('TERM'));
    await this.passUntilDone(life.done);
    life.cut.on = true;
  }

  /** kill -9: nothing is cleaned up and nothing is done any more; units go on. */
  async kill(name: string): Promise<void> {
    const life = this.life(name);
    if (life.cut.on) return;
    life.cut.on = true;
    life.controller.abort(new Error('KILL'));
    for (const listener of life.daemon.listeners) {
      const closed = listener.close();
      listener.destroy();
      await closed;
    }
    await this.settle();
  }

  /** Power cut: kill -9, and nothing runs on the machine any more. */
  async powerOff(name: string): Promise<void> {
    await this.kill(name);
    const life = this.life(name);
    life.systemd.control.reboot();
    life.memory = createVolatileMemory();
  }

  life(name: string): Life {
    const life = this.#lives.get(name);
    if (life === undefined) throw new Error(`no machine ${name}`);
    return life;
  }

  /** Machine by unit, of what really runs. */
  running(): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const [name, { systemd }] of this.#lives) for (const unit of systemd.control.running()) (found[unit] ??= []).push(name);
    return Object.fromEntries(Object.entries(found).sort());
  }

  async api(name: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = this.#request(this.life(name).socket, method, path, body);
    // The answer may need time on the clock that stands still.
    const progress = { settled: false };
    void answer.finally(() => (progress.settled = true)).catch(() => undefined);
    while (!progress.settled) await this.clock.advance(1);
    return await answer;
  }

  async startUnit(name: string, options: readonly (readonly [string, string, string])[] = [], desiredState = 'launched', via = 'm1'): Promise<void> {
    const lines = [['Service', 'ExecStart', '/bin/sleep infinity'] as const, ...options];
    const answer = await this.api(via, 'PUT', `/fleet/v1/units/${encodeURIComponent(name)}`, {
      name,
      desiredState,
      options: lines.map(([section, optionName, value]) => ({ section, name: optionName, value })),
    });
    if (answer.status !== 201) throw new Error(`PUT ${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 150; turn += 1) await this.clock.advance(turn % 3 === 0 ? 3 : 0);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) await this.clock.advance(Math.min(left, 500));
    await this.settle();
  }

  async passUntilDone(work: Promise<unknown>): Promise<void> {
    const progress = { done: false };
    void work.finally(() => (progress.done = true));
    for (let turn = 0; turn < 20_000 && !progress.done; turn += 1) await this.clock.advance(10);
    if (!progress.done) throw new Error('did not end');
  }

  async #request(socketPath: string, method: string, path: string, body: unknown): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      const sent = request({ socketPath, method, path, agent: false, headers: body === undefined ? {} : { 'Content-Type': 'application/json' } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) });
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** The same object; once `cut` is on, every call hangs for ever, as for a process that is gone. */
function severable<T extends object>(target: T, cut: { readonly on: boolean }, fault: Fault = () => null): T {
  return new Proxy(target, {
    get: (inner, key) => {
      const value: unknown = Reflect.get(inner, key);
      if (typeof value !== 'function' || typeof key === 'symbol') return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
      return (...args: unknown[]): unknown => {
        if (cut.on) return new Promise(() => undefined);
        const failure = fault(key, args);
        return failure === null ? (value as (...all: unknown[]) => unknown).apply(inner, args) : Promise.reject(failure);
      };
    },
  });
}
