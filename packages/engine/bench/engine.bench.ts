import { createRegistry, type Store } from '@fleet/registry';
import { createMemoryStore } from '@fleet/registry/embedded';
import { silentLogger, systemClock } from '@fleet/runtime';
import type { MachineId, UnitHash, UnitName } from '@fleet/model';
import { hashText } from '@fleet/unit-parser';
import { createEngine } from '../src/engine.ts';

// `npm run bench`: what the leader does for a whole cluster, for one unit that comes and for one machine that dies, in
// clusters that grow; beside the floor: one write and its watch on the same kind of store. The events must cost the same
// however large the cluster is. The store is in memory, in this process: a real one adds its own time to both.

const SIZES = [
  { machines: 10, units: 100 },
  { machines: 100, units: 2_000 },
  { machines: 1_000, units: 20_000 },
];
const EVENTS = 50;
const text = '[Service]\nExecStart=/bin/sleep infinity\n';
const hash = hashText(text) as UnitHash;
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Tells of every key below `prefix` that is written or deleted from now on, until the signal aborts. */
async function follow(store: Store, prefix: string, signal: AbortSignal, onKey: (key: string, present: boolean) => void): Promise<void> {
  const { revision } = await store.get(prefix);
  const watch = async (): Promise<void> => {
    for await (const { changes } of store.watch({ prefix, fromRevision: revision + 1 }, { signal })) {
      for (const change of changes) onKey((change.kind === 'put' ? change.item.key : change.key).slice(prefix.length), change.kind === 'put');
    }
  };
  watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function floorMs(): Promise<number> {
  const ending = new AbortController();
  await using store = createMemoryStore({ clock: systemClock });
  let seen = (): void => undefined;
  await follow(store, '/floor/', ending.signal, () => seen());
  const times: number[] = [];
  for (let event = 0; event < EVENTS; event += 1) {
    const begin = performance.now();
    const told = new Promise<void>((resolve) => (seen = resolve));
    await store.transaction({ compare: [], operations: [{ kind: 'put', key: `/floor/${event}`, value: text }] });
    await told;
    times.push(performance.now() - begin);
  }
  ending.abort();
  return median(times);
}

async function measure(size: { readonly machines: number; readonly units: number }, floor: number): Promise<void> {
  const ending = new AbortController();
  await using store = createMemoryStore({ clock: systemClock });
  const registry = createRegistry(store, { clock: systemClock, logger: silentLogger });
  const leases = new Map<MachineId, string>();
  for (let n = 0; n < size.machines; n += 1) {
    const id = hashText(String(n)).slice(0, 32) as MachineId;
    const { id: lease } = await registry.grantLease(600_000);
    leases.set(id, lease);
    await registry.registerMachine({ id, bootId: 'boot', sessionId: `session-${n}`, address: '', metadata: { region: n % 3 === 0 ? 'eu' : 'us' }, version: '1.0.0', capabilities: {} }, lease);
  }
  const create = (name: string): Promise<unknown> => registry.changeUnit({ kind: 'create', name: name as UnitName, text, hash, global: false, targetState: 'launched' });
  for (let n = 0; n < size.units; n += 100) await Promise.all(Array.from({ length: Math.min(100, size.units - n) }, (_, offset) => create(`unit-${n + offset}.service`)));

  const places = new Map<string, string>();
  const counts = new Map<string, number>();
  const count = (machine: string, by: number): unknown => counts.set(machine, (counts.get(machine) ?? 0) + by);
  let look = (): void => undefined;
  await follow(store, '/_coreos.com/fleet/sched/', ending.signal, (key, present) => {
    const [machine = '', unit = ''] = key.split('/');
    count(machine, present ? 1 : -1);
    if (present) places.set(unit, machine);
    else if (places.get(unit) === machine) places.delete(unit);
    look();
  });
  const until = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (done()) resolve();
      };
      look();
    });

  const engine = createEngine({ registry, machine: 'bench' as MachineId, sessionId: 'bench', clock: systemClock, logger: silentLogger, agentTtlMs: 30_000, leaderTtlMs: 600_000, random: () => 0 });
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const running = engine.run(ending.signal).catch(() => undefined);
  await until(() => places.size === size.units);
  const wholeMs = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);

  const arrivals: number[] = [];
  for (let event = 0; event < EVENTS; event += 1) {
    const name = `arrival-${event}.service`;
    const asked = performance.now();
    await create(name);
    await until(() => places.has(name));
    arrivals.push(performance.now() - asked);
  }
  const deaths: number[] = [];
  const [...ids] = leases.keys();
  for (const id of ids.slice(0, 5)) {
    const theirs = counts.get(id) ?? 0;
    const died = performance.now();
    await registry.revokeLease(leases.get(id) as string);
    await until(() => places.size === size.units + EVENTS && counts.get(id) === 0);
    deaths.push((performance.now() - died) / Math.max(1, theirs));
  }
  const arrival = median(arrivals);
  const cells = [
    `${size.machines.toLocaleString('en')} machines, ${size.units.toLocaleString('en')} units`.padEnd(30),
    `all placed ${wholeMs.toFixed(0)} ms (${((user + system) / 1000 / size.units).toFixed(2)} ms of processor a unit)`.padEnd(52),
    `arrival to placement p50 ${arrival.toFixed(2)} ms, ${(arrival / floor).toFixed(0)}× the floor`.padEnd(48),
    `death ${median(deaths).toFixed(2)} ms a unit of the machine`,
  ];
  console.log(cells.join('  '));
  ending.abort();
  await running;
}

const floor = await floorMs();
console.log(`floor: a write and its watch ${floor.toFixed(3)} ms`);
for (const size of SIZES) await measure(size, floor);
