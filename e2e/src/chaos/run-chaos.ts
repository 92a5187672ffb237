import { createRandom, waitUntil, type Random } from '@fleet/runtime/testing';
import { expectSuccess } from '../machines/command.ts';
import type { RealCluster } from '../real/real-cluster.ts';
import type { RealClusterMachine } from '../real/real-cluster-machine.ts';
import { Absences } from './absences.ts';
import { makeCatalogue, type ChaosUnit } from './catalogue.ts';
import { groundFaults, machineFaults, type Fault, type FaultWorld } from './faults.ts';
import { Ledger, type Sightings, type Verb } from './ledger.ts';
import { Watcher } from './watcher.ts';

export interface ChaosOptions {
  readonly cluster: RealCluster;
  readonly seed: number;
  /** How long faults and commands go on, in all. */
  readonly durationMs: number;
  /** After this long everything is mended and all promises are checked; then it goes on. */
  readonly roundMs: number;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface ChaosReport {
  /** Nothing was seen that must not be when this is empty. */
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly refused: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly looks: number;
  readonly rounds: number;
}

const verbs: readonly { readonly verb: Verb; readonly weight: number }[] = [
  { verb: 'start', weight: 10 },
  { verb: 'stop', weight: 3 },
  { verb: 'load', weight: 1 },
  { verb: 'unload', weight: 1 },
  { verb: 'destroy', weight: 3 },
];

/**
 * Users who start, stop and destroy units, and faults of all kinds, at the same time, and an observer who asks only the
 * machines themselves. What is done and when follows from the seed; what comes of it also from the computer's mood.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const chaos = new Chaos(options);
  await chaos.prepare();
  const end = performance.now() + options.durationMs;
  do await chaos.round(Math.min(options.roundMs, end - performance.now()));
  while (performance.now() + 1_000 < end && options.signal?.aborted !== true);
  return chaos.report();
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #units: readonly ChaosUnit[];
  readonly #touched: readonly ChaosUnit[];
  readonly #paths = new Map<string, string>();
  readonly #ledger: Ledger;
  readonly #absences: Absences;
  readonly #watcher: Watcher;
  readonly #started = performance.now();
  readonly #violations: string[] = [];
  readonly #faults: Record<string, number> = {};
  readonly #busy = new Set<string>();
  #acknowledged = 0;
  #refused = 0;
  #looks = 0;
  #rounds = 0;

  constructor(options: ChaosOptions) {
    const { cluster } = options;
    this.#options = options;
    this.#units = makeCatalogue(cluster.machines);
    this.#touched = this.#units.filter((unit) => unit.steady !== true);
    this.#ledger = new Ledger(this.#units);
    // A lease may end this early because the last heartbeat was that long ago.
    this.#absences = new Absences({ shortestMs: cluster.agentTtlMs / 2, graceMs: cluster.agentTtlMs + 10_000 });
    this.#watcher = new Watcher({
      ledger: this.#ledger,
      absences: this.#absences,
      globals: new Set(this.#units.filter(({ kind }) => kind === 'global').map(({ name }) => name)),
      // Commands may wait for the store to come back before they take effect on the machines.
      settleMs: cluster.agentTtlMs * 4 + 10_000,
    });
  }

  async prepare(): Promise<void> {
    const { cluster } = this.#options;
    for (const unit of this.#units) this.#paths.set(unit.name, await cluster.writeUnit(unit.name, unit.text));
    const steady = this.#units.filter((unit) => unit.steady === true).map(({ name }) => name);
    await expectSuccess('start what is to be left alone', cluster.fleetctl(['start', ...steady.map((name) => this.#paths.get(name) ?? name)]));
    for (const name of steady) this.#ledger.acknowledged(name, 'start', -Infinity);
    await this.#settle();
  }

  /** Faults and commands for a while; then everything is mended, and has to come right. */
  async round(durationMs: number): Promise<void> {
    const random = createRandom(this.#options.seed + this.#rounds * 7_919);
    this.#rounds += 1;
    const streams = [random, random, random].map((source) => createRandom(Math.floor(source.next() * 2 ** 32)));
    const [commands, machines, ground] = streams as [Random, Random, Random];
    const end = performance.now() + durationMs;
    const watching = new AbortController();
    const watched = this.#watch(watching.signal);
    try {
      await Promise.all([this.#command(commands, end), this.#disturb(machines, machineFaults, end, [300, 3_000]), this.#disturb(ground, groundFaults(this.#options.cluster.etcd.members.length), end, [2_000, 9_000])]);
      await this.#settle();
    } finally {
      watching.abort();
      await watched;
    }
  }

  report(): ChaosReport {
    return { violations: [...new Set(this.#violations)], acknowledged: this.#acknowledged, refused: this.#refused, faults: this.#faults, looks: this.#looks, rounds: this.#rounds };
  }

  async #command(random: Random, end: number): Promise<void> {
    while (this.#goesOn(end)) {
      const unit = random.pick(this.#touched);
      const { verb } = random.pickWeighted(verbs);
      const index = random.between(0, 99);
      await pause(random.between(20, 300));
      const machine = this.#pickMachine(index, ({ daemonRunning, name }) => daemonRunning && !this.#busy.has(name));
      if (machine === undefined) continue;
      const possible = this.#ledger.possible(unit.name);
      if (verb !== 'start' && verb !== 'load' && possible.size === 1 && possible.has('absent')) continue;
      const subject = verb === 'start' || verb === 'load' ? (this.#paths.get(unit.name) ?? unit.name) : unit.name;
      this.#ledger.asked(unit.name, verb, this.#now());
      const { code, stderr } = await this.#options.cluster
        .fleetctl([verb, '--no-block', subject], { on: machine, timeoutMs: 20_000 })
        .catch((error: unknown) => ({ code: -1, stderr: String(error) }));
      const outcome = code === 0 ? 'ok' : `refused: ${stderr.trim().split('\n')[0] ?? ''}`;
      this.#say(`fleetctl ${verb} ${unit.name} on ${machine.name}: ${outcome}`);
      if (code === 0) {
        this.#acknowledged += 1;
        this.#ledger.acknowledged(unit.name, verb, this.#now());
      } else this.#refused += 1;
    }
  }

  async #disturb(random: Random, faults: readonly Fault[], end: number, [shortest, longest]: readonly [number, number]): Promise<void> {
    const { cluster } = this.#options;
    const world: FaultWorld = { cluster, absences: this.#absences, now: () => this.#now() };
    while (this.#goesOn(end)) {
      await pause(random.between(shortest, longest));
      const fault = random.pickWeighted(faults);
      const index = random.between(0, 99);
      const [least, most] = fault.lastsTtls;
      const lastsMs = (least + random.next() * (most - least)) * cluster.agentTtlMs;
      if (!this.#goesOn(end)) return;
      const machine = this.#pickMachine(index, ({ name }) => !this.#busy.has(name));
      if (machine === undefined) continue;
      this.#busy.add(machine.name);
      this.#faults[fault.name] = (this.#faults[fault.name] ?? 0) + 1;
      this.#say(`fault: ${fault.name}, ${machine.name}, for ${lastsMs.toFixed(0)} ms`);
      const undo = await fault.begin(world, machine);
      await pause(lastsMs);
      await mend(`undo of "${fault.name}" on ${machine.name}`, undo);
      this.#busy.delete(machine.name);
      this.#say(`mended: ${fault.name}, ${machine.name}`);
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const from = this.#now();
      const seen = await this.#see();
      this.#looks += 1;
      for (const violation of this.#watcher.look({ from, to: this.#now(), seen })) this.#violate(violation);
      await pause(300);
    }
  }

  async #settle(): Promise<void> {
    const { cluster } = this.#options;
    let broken: readonly string[] = [];
    const deadlineMs = cluster.agentTtlMs * 2 + 40_000;
    await waitUntil(
      'all promises to be kept',
      async () => {
        const seen = await this.#see();
        const machines = await cluster.fleetctl(['list-machines', '--no-legend']);
        const listed = machines.code === 0 ? machines.stdout.trim().split('\n').length : 0;
        broken = [
          ...(listed === cluster.machines.length ? [] : [`${listed} of ${cluster.machines.length} machines are in the cluster`]),
          ...(seen.size === cluster.machines.length ? [] : ['not all machines answer']),
          ...this.#ledger.brokenPromises(seen),
          ...(await this.#unknownFiles()),
          ...(await this.#wrongStates(seen)),
        ];
        return broken.length === 0;
      },
      { deadlineMs, everyMs: 300 },
    ).catch(() => undefined);
    for (const problem of broken) this.#violate(`${(deadlineMs / 1000).toFixed(0)} s after everything was mended: ${problem}`);
    if (broken.length === 0) this.#say('settled: all promises are kept');
  }

  /** Destroyed units must be gone from the registry too, and acknowledged ones must be in it. */
  async #unknownFiles(): Promise<readonly string[]> {
    const { code, stdout } = await this.#options.cluster.fleetctl(['list-unit-files', '--no-legend', '--full', '--fields=unit,dstate']);
    if (code !== 0) return ['the units cannot be listed'];
    const stored = new Map(stdout.split('\n').filter(Boolean).map((line) => line.trim().split(/\s+/) as [string, string]));
    return this.#units.flatMap(({ name }) => {
      const possible = this.#ledger.possible(name);
      const found = stored.get(name) ?? 'absent';
      return [...possible].includes(found as never) ? [] : [`${name} is ${found} in the registry, but users were told ${[...possible].join(' or ')}`];
    });
  }

  /** What users are shown of the units must be what the machines say of them. */
  async #wrongStates(seen: Sightings): Promise<readonly string[]> {
    const { cluster } = this.#options;
    const { code, stdout } = await cluster.fleetctl(['list-units', '--no-legend', '--full', '--fields=machine,unit,active']);
    if (code !== 0) return ['the states of units cannot be listed'];
    const shown = stdout.split('\n').filter(Boolean).map((line) => line.trim().split(/\s+/));
    const ids = new Map(cluster.machines.map(({ id, name }) => [id, name]));
    const told = new Set(shown.flatMap(([machine = '', unit = '', active]) => (machine === '-' ? [] : [`${unit} on ${ids.get(machine.split('/')[0] ?? '') ?? machine}: ${active === 'active' ? 'active' : 'not active'}`])));
    const real = new Set([...seen].flatMap(([machine, units]) => units.map(({ unit, active }) => `${unit} on ${machine}: ${active ? 'active' : 'not active'}`)));
    return [...[...told].filter((line) => !real.has(line)).map((line) => `shown to users, but not so: ${line}`), ...[...real].filter((line) => !told.has(line)).map((line) => `not shown to users: ${line}`)];
  }

  async #see(): Promise<Sightings> {
    const found = await Promise.all(
      this.#options.cluster.machines.map(async (machine) => {
        if (!machine.running) return undefined;
        // A machine may lose its power while it is asked.
        const units = await machine.units().catch(() => undefined);
        return units === undefined ? undefined : ([machine.name, units.map(({ name, active, run }) => ({ unit: name, active: active === 'active', run }))] as const);
      }),
    );
    return new Map(found.filter((entry) => entry !== undefined));
  }

  #pickMachine(index: number, test: (machine: RealClusterMachine) => boolean): RealClusterMachine | undefined {
    const suitable = this.#options.cluster.machines.filter((machine) => machine.running && test(machine));
    return suitable[index % suitable.length];
  }

  #violate(what: string): void {
    this.#violations.push(what);
    this.#say(`VIOLATION: ${what}`);
  }

  #goesOn(end: number): boolean {
    return performance.now() < end && this.#options.signal?.aborted !== true;
  }

  #now(): number {
    return performance.now() - this.#started;
  }

  #say(line: string): void {
    this.#options.say(`${(this.#now() / 1000).toFixed(1).padStart(7)} s  ${line}`);
  }
}

/** What mends may depend on something else that is not mended yet, such as a daemon that needs the store. */
async function mend(what: string, undo: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await undo();
      return;
    } catch (error) {
      if (attempt === 3) throw new Error(`${what} failed`, { cause: error });
    }
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
