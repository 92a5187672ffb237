import type { UnitName } from '@fleet/model';
import { ClusterModel, type ClusterSnapshot, planCluster } from '@fleet/scheduler';
import { machines, metadata, mixedCluster, unit } from './clusters.ts';

const FULL_GOAL_MS = 1000;
const EVENT_GOAL_MS = 1;
const RSS_GOAL_MB = 500;
/** Events are timed so often that garbage is collected as it comes. */
const MANY = 50;
const REPEATS = Number(process.env['FLEET_BENCH_REPEATS'] ?? 5);

interface Timing {
  readonly bestMs: number;
  readonly medianMs: number;
  /** Processor time of the cheapest run, collecting garbage in other threads included: what one core alone would take. */
  readonly cpuMs: number;
}

/** The best run and the processor time say what the code costs, the median what this computer made of it. */
function time<T>(repeats: number, prepare: () => T, run: (prepared: T) => void): Timing {
  const times = Array.from({ length: repeats }, () => {
    const prepared = prepare();
    if (repeats < MANY) globalThis.gc?.();
    const startCpu = process.cpuUsage();
    const start = performance.now();
    run(prepared);
    const wallMs = performance.now() - start;
    const { user, system } = process.cpuUsage(startCpu);
    return { wallMs, cpuMs: (user + system) / 1000 };
  });
  const wall = times.map(({ wallMs }) => wallMs).sort((a, b) => a - b);
  return { bestMs: wall[0] ?? 0, medianMs: wall[repeats >> 1] ?? 0, cpuMs: Math.min(...times.map(({ cpuMs }) => cpuMs)) };
}

function print(what: string, { bestMs, medianMs, cpuMs }: Timing, note = ''): void {
  const digits = bestMs < 10 ? 3 : 0;
  console.log(`${what.padEnd(64)} ${bestMs.toFixed(digits).padStart(9)} ms best ${medianMs.toFixed(digits).padStart(9)} ms median ${cpuMs.toFixed(digits).padStart(9)} ms cpu  ${note}`);
}

function verdict(value: number, goal: number, unitOfMeasure: string): string {
  return `goal ${goal} ${unitOfMeasure}: ${value <= goal ? 'met' : `missed by ${((value / goal - 1) * 100).toFixed(0)} %`}`;
}

function planned(cluster: ClusterSnapshot): ClusterModel {
  const model = ClusterModel.fromSnapshot(cluster);
  model.plan();
  return model;
}

const ownPattern = (i: number): ReturnType<typeof unit> => unit(`own-${i}@1.service`, { conflicts: [`own-${i}@*.service`] });

console.log(`node ${process.version}; ten units to a machine, one core; ${REPEATS} repeats\n`);

console.log('full plan of a mixed cluster, from a snapshot, nothing placed yet');
for (const units of [100, 1000, 10_000, 50_000, 100_000]) {
  const cluster = mixedCluster(units, units / 10);
  const timing = time(REPEATS, () => cluster, (snapshot) => planCluster(snapshot));
  const rss = process.memoryUsage().rss / 1e6;
  const each = `${((timing.cpuMs * 1000) / units).toFixed(1)} µs a unit, ${rss.toFixed(0)} MB resident`;
  const goals = units === 50_000 ? `; ${verdict(timing.cpuMs, FULL_GOAL_MS, 'ms of processor time')}; ${verdict(rss, RSS_GOAL_MB, 'MB')}` : '';
  print(`${units} units on ${units / 10} machines`, timing, each + goals);
}

console.log('\nthe same, everything in place: what a new leader does');
for (const units of [10_000, 50_000]) {
  const placed = planned(mixedCluster(units, units / 10)).snapshot();
  print(`${units} units on ${units / 10} machines`, time(REPEATS, () => placed, (snapshot) => planCluster(snapshot)));
}

console.log('\none change in a live cluster');
for (const units of [1000, 10_000, 50_000]) {
  const cluster = mixedCluster(units, units / 10);
  const model = planned(cluster);
  let next = 0;
  const event = (what: string, change: () => void): void => {
    const timing = time(51, () => undefined, () => {
      change();
      model.plan();
    });
    print(`${units} units: ${what}`, timing, units === 50_000 ? verdict(timing.medianMs, EVENT_GOAL_MS, 'ms') : '');
  };
  event('a plain unit arrives', () => model.setUnit(unit(`new-${next++}.service`)));
  event('a unit with metadata arrives', () => model.setUnit(unit(`new-${next++}.service`, { metadata: metadata(['region', 'eu']) })));
  event('one more web-6@ instance arrives', () => model.setUnit(unit(`web-6@new-${next++}.service`, { conflicts: ['web-6@*.service'] })));
  event('a unit with a pattern of its own arrives', () => model.setUnit(ownPattern(next++)));
  event('a follower arrives', () => model.setUnit(unit(`new-${next++}.service`, { machineOf: ['plain-0.service'] })));
  event('a unit leaves', () => model.removeUnit(`new-${--next}.service` as UnitName));
  const ids = cluster.machines.map(({ id }) => id);
  event('a machine dies', () => model.removeMachine(ids.pop() ?? ids[0]!));
  const joining = machines(units / 10 + 200).slice(units / 10);
  event('a machine joins', () => model.setMachine(joining.pop() ?? joining[0]!));
}

{
  const waiting = Array.from({ length: 10_000 }, (_, i) => unit(`web@${i}.service`, { conflicts: ['web@*.service'] }));
  const model = planned({ machines: machines(1000), units: waiting, placements: new Map(), held: new Map() });
  const ids = machines(1000).map(({ id }) => id);
  const leaving = [...model.snapshot().placements.keys()];
  const leave = (): void => model.removeUnit(leaving.pop() ?? leaving[0]!);
  print('9000 of 10000 wait for a machine: one that has one leaves', time(51, () => undefined, () => (leave(), model.plan())));
  print('9000 of 10000 wait for a machine: a machine dies', time(51, () => undefined, () => (model.removeMachine(ids.pop() ?? ids[0]!), model.plan())));
}

console.log('\ncorners: 10000 units on 1000 machines, full plan');
const corner = (what: string, units: ClusterSnapshot['units'], machineCount = 1000): void => {
  const cluster = { machines: machines(machineCount), units, placements: new Map(), held: new Map() };
  print(what, time(REPEATS, () => cluster, (snapshot) => planCluster(snapshot)), `${planned(cluster).snapshot().placements.size} placed`);
};
const many = (make: (i: number) => ReturnType<typeof unit>): ClusterSnapshot['units'] => Array.from({ length: 10_000 }, (_, i) => make(i));
corner('plain units', many((i) => unit(`plain-${i}.service`)));
corner('all with the pattern web@*.service', many((i) => unit(`web@${i}.service`, { conflicts: ['web@*.service'] })));
corner('the same on 10000 machines', many((i) => unit(`web@${i}.service`, { conflicts: ['web@*.service'] })), 10_000);
corner('all with the pattern *', many((i) => unit(`lonely-${i}.service`, { conflicts: ['*'] })));
corner('all with the pattern *.service', many((i) => unit(`lonely-${i}.service`, { conflicts: ['*.service'] })));
corner('each with a pattern of its own', many((i) => unit(`own-${i}@1.service`, { conflicts: [`own-${i}@*.service`] })));
corner('each with a pattern of its own that begins with a star', many((i) => unit(`x@${i}.service`, { conflicts: [`*@${i}.service`] })));
corner('each with a pattern of its own, open at both ends', many((i) => unit(`x-${i}.service`, { conflicts: [`*-${i}?.service`] })));
corner('the same, all with one beginning', many((i) => unit(`web-x-${i}.service`, { conflicts: [`web-*-${i}?.service`] })));
corner('2000, each with a pattern of classes alone', many((i) => unit(`x-${i}.service`, { conflicts: [`*${String(i).replace(/./g, '[$&]')}?.service`] })).slice(0, 2000));
corner('9999 followers of one target', many((i) => (i === 0 ? unit('main.service') : unit(`side-${i}.service`, { machineOf: ['main.service'] }))));
corner('a chain of 10000 followers', many((i) => unit(`link-${String(9999 - i).padStart(4, '0')}.service`, i === 0 ? {} : { machineOf: [`link-${String(10_000 - i).padStart(4, '0')}.service`] })));
corner('a circle of 10000 followers', many((i) => unit(`link-${i}.service`, { machineOf: [`link-${(i + 1) % 10_000}.service`] })));
corner('5000 replacers of 5000 units', many((i) => unit(i % 2 === 0 ? `old-${i}.service` : `new-${i}.service`, i % 2 === 0 ? {} : { replaces: [`old-${i - 1}.service`] })));
corner('1000 global units, each in conflict with the next', many((i) => (i < 1000 ? unit(`g-${i}.service`, { global: true, conflicts: [`g-${i + 1}.service`] }) : unit(`p-${i}.service`))), 100);
