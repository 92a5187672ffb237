import type { MachineId, UnitName } from '@fleet/model';
import { checkPlan, ClusterModel, explainPlacement, type Plan, type SchedulerUnit } from '@fleet/scheduler';
import { readRequirements } from '@fleet/unit-parser';

function unit(name: string, ...options: readonly (readonly [string, string])[]): SchedulerUnit {
  const read = options.map(([option, value]) => ({ section: 'X-Fleet', name: option, value }));
  return { name: name as UnitName, targetState: 'launched', requirements: readRequirements(read, name) };
}

function print({ steps, pending }: Plan): void {
  for (const { kind, unit: name, machine, reason } of steps) console.log(`${kind} ${name} on ${machine}: ${reason.text}`);
  for (const [name, why] of pending) console.log(`${name} is ${why === null ? 'no longer pending' : `pending: ${why.summary}`}`);
}

const model = ClusterModel.fromSnapshot({
  machines: [
    { id: 'm1' as MachineId, metadata: { region: 'eu' } },
    { id: 'm2' as MachineId, metadata: { region: 'us' } },
  ],
  units: [
    unit('db.service', ['MachineMetadata', 'region=eu']),
    unit('backup.service', ['MachineOf', 'db.service']),
    unit('web@1.service', ['Conflicts', 'web@*.service']),
    unit('web@2.service', ['Conflicts', 'web@*.service']),
  ],
  placements: new Map(),
  held: new Map(),
});
print(model.plan());

// Whatever happens, the next plan holds what follows from it, and nothing else.
console.log('--- machine m1 dies');
model.removeMachine('m1' as MachineId);
const before = model.snapshot();
const plan = model.plan();
print(plan);
console.log(`why: ${explainPlacement(model, 'db.service' as UnitName)?.summary ?? 'no such unit'}`);
console.log(`rules broken: ${checkPlan(before, plan).length}`);
