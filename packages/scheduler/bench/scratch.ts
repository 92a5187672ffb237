import type { MachineId, UnitName } from '@fleet/model';
import { ClusterModel, planCluster, checkPlan, type ClusterSnapshot, type SchedulerUnit } from '../src/index.ts';
const none = { machineId: null, machineOf: [] as string[], conflicts: [] as string[], replaces: [] as string[], metadata: new Map(), global: false };
function mixed(units: number, machines: number): ClusterSnapshot {
  const ms = Array.from({ length: machines }, (_, i) => ({ id: ((i * 2654435761) >>> 0).toString(16).padStart(8, '0').repeat(4) as MachineId, metadata: { region: ['eu','us','asia'][i % 3]!, disk: i % 2 ? 'ssd' : 'hdd', host: 'h' + i } }));
  const us: SchedulerUnit[] = [];
  for (let i = 0; i < units; i++) {
    const k = i % 10;
    const u = (name: string, r: object) => us.push({ name: name as UnitName, targetState: 'launched', requirements: { ...none, ...r } });
    if (k < 4) u(`plain-${i}.service`, {});
    else if (k < 6) u(`meta-${i}.service`, { metadata: new Map([['region', new Set(['eu'])], ...(k === 5 ? [['disk', new Set(['ssd'])] as const] : [])]) });
    else if (k < 8) u(`web-${i % 50}@${i}.service`, { conflicts: [`web-${i % 50}@*.service`] });
    else if (k === 8) u(`side-${i}.service`, { machineOf: [`plain-${i - 8}.service`] });
    else if (i % 1000 === 9) u(`glob-${i}.service`, { global: true, ...(i % 2000 === 9 ? { metadata: new Map([['region', new Set(['us'])]]) } : {}) });
    else u(`db-${i}.service`, { conflicts: [`db-${i - 10}.service`] });
  }
  return { machines: ms, units: us, placements: new Map(), held: new Map() };
}
const cpu = () => { const c = process.cpuUsage(); return (c.user + c.system) / 1000; };
for (const [u, m] of [[50000,5000],[50000,5000],[50000,5000]] as const) {
  const s = mixed(u, m);
  globalThis.gc?.();
  let t = performance.now(); const c0 = cpu();
  const model = ClusterModel.fromSnapshot(s);
  const t1 = performance.now(); const c1 = cpu();
  const plan = model.plan();
  const t2 = performance.now(); const c2 = cpu();
  console.log(u, m, 'cpu', (c1 - c0).toFixed(0), (c2 - c1).toFixed(0), 'load', (t1 - t).toFixed(1), 'plan', (t2 - t1).toFixed(1), 'steps', plan.steps.length, 'pending', [...plan.pending.values()].filter(Boolean).length, 'rss', (process.memoryUsage().rss / 1e6).toFixed(0));
  t = performance.now();
  model.setUnit({ name: 'arrival.service' as UnitName, targetState: 'launched', requirements: { ...none, conflicts: ['arr*.service'] } });
  const p1 = model.plan();
  console.log('  arrival', (performance.now() - t).toFixed(3), p1.steps.length);
  t = performance.now();
  model.setUnit({ name: 'arrival2.service' as UnitName, targetState: 'launched', requirements: { ...none, conflicts: ['*'] } });
  const p2 = model.plan();
  console.log('  arrival *', (performance.now() - t).toFixed(3), p2.steps.length);
  t = performance.now();
  model.setUnit({ name: 'arrival3.service' as UnitName, targetState: 'launched', requirements: { ...none, conflicts: ['*.service'] } });
  const p3 = model.plan();
  console.log('  arrival *.service', (performance.now() - t).toFixed(3), p3.steps.length);
  t = performance.now();
  model.removeMachine(s.machines[3]!.id);
  const p4 = model.plan();
  console.log('  death', (performance.now() - t).toFixed(3), p4.steps.length);
  t = performance.now();
  model.setMachine(s.machines[3]!);
  const p5 = model.plan();
  console.log('  join', (performance.now() - t).toFixed(3), p5.steps.length);
}
