import type { MachineId, TargetState, UnitName } from '@fleet/model';
import type { Requirements } from '@fleet/unit-parser';
import fc from 'fast-check';
import type { ClusterModel } from '../cluster-model.ts';
import type { ClusterSnapshot, SchedulerMachine, SchedulerUnit } from '../types.ts';

// Few names, so that everything gets in the way of everything.
const MACHINES = ['0123456789aa', '01234567bb', 'm3', 'm4', 'm5'] as MachineId[];
const GONE = 'gone' as MachineId;
const UNITS = ['a.service', 'b.service', 'c.service', 'd@1.service', 'd@2.service', 'd@3.service', 'e.socket', 'f.timer'] as UnitName[];
const UNKNOWN = 'unknown.service' as UnitName;
const PATTERNS = ['a.service', 'b*', '?.service', 'd@*.service', '*@[12].service', '*.s*', '*', 'e.socket', 'd@?.service', '*@1.service'];
const HOSTILE = ['[', '[]a]', 'a\\', '*a*a*a*a*a*a*b', '', '[^a]*', '\\a.service', '**', '[a-', '?'];

const pattern = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...PATTERNS) }, { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) });

function often<T>(value: T, arbitrary: fc.Arbitrary<T>, weight = 3): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: fc.constant(value) }, { weight: 1, arbitrary });
}

const some = <T>(arbitrary: fc.Arbitrary<T>, weight = 3): fc.Arbitrary<T[]> => often([], fc.array(arbitrary, { minLength: 1, maxLength: 2 }), weight);

const arbitraryRequirements: fc.Arbitrary<Requirements> = fc.record({
  machineId: often<string | null>(null, fc.constantFrom('01234567', 'm3', '0123456789aa', '', 'nowhere'), 8),
  machineOf: some(fc.constantFrom<string>(...UNITS, UNKNOWN, ''), 4),
  conflicts: some(pattern),
  replaces: some(pattern, 5),
  metadata: often<ReadonlyMap<string, ReadonlySet<string>>>(
    new Map(),
    fc.array(fc.tuple(fc.constantFrom('region', 'disk'), fc.constantFrom('eu', 'us', 'ssd')), { minLength: 1, maxLength: 3 }).map((pairs) => {
      const metadata = new Map<string, Set<string>>();
      for (const [key, value] of pairs) metadata.set(key, (metadata.get(key) ?? new Set()).add(value));
      return metadata;
    }),
  ),
  global: often(false, fc.constant(true), 5),
});

const targetState = fc.constantFrom<TargetState>('launched', 'launched', 'loaded', 'inactive');

export const arbitraryUnit: fc.Arbitrary<SchedulerUnit> = fc.record({ name: fc.constantFrom(...UNITS), targetState, requirements: arbitraryRequirements });

export const arbitraryMachine: fc.Arbitrary<SchedulerMachine> = fc.record({
  id: fc.constantFrom(...MACHINES),
  metadata: fc.constantFrom({}, { region: 'eu' }, { region: 'us' }, { region: 'eu', disk: 'ssd' }, { disk: 'ssd' }),
});

const anyMachine = fc.constantFrom(...MACHINES, GONE);
const anyUnit = fc.constantFrom(...UNITS, UNKNOWN);

export const arbitrarySnapshot: fc.Arbitrary<ClusterSnapshot> = fc.record({
  machines: fc.uniqueArray(arbitraryMachine, { selector: ({ id }) => id, maxLength: MACHINES.length }),
  units: fc.uniqueArray(arbitraryUnit, { selector: ({ name }) => name, maxLength: UNITS.length }),
  placements: fc.array(fc.tuple(anyUnit, anyMachine), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  held: often<ClusterSnapshot['held']>(
    new Map(),
    fc.array(fc.tuple(fc.constantFrom(...UNITS), fc.uniqueArray(anyMachine, { minLength: 1, maxLength: 2 })), { maxLength: 3 }).map(
      (pairs) => new Map(pairs.map(([unit, machines]) => [unit, new Set(machines)])),
    ),
    2,
  ),
});

/** Something that happens to a cluster. */
export interface Change {
  readonly text: string;
  apply(model: ClusterModel): void;
}

const change = (text: string, apply: (model: ClusterModel) => void): Change => ({ text, apply });

export const arbitraryChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: arbitraryUnit.map((unit) => change(`unit ${fc.stringify(unit)}`, (model) => model.setUnit(unit))) },
  { weight: 1, arbitrary: anyUnit.map((name) => change(`remove ${name}`, (model) => model.removeUnit(name))) },
  { weight: 2, arbitrary: arbitraryMachine.map((machine) => change(`machine ${fc.stringify(machine)}`, (model) => model.setMachine(machine))) },
  { weight: 2, arbitrary: anyMachine.map((id) => change(`machine ${id} gone`, (model) => model.removeMachine(id))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyUnit, fc.option(anyMachine))
      .map(([unit, machine]) => change(`${unit} placed on ${String(machine)}`, (model) => model.setPlacement(unit, machine))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyUnit, anyMachine, fc.boolean())
      .map(([unit, machine, held]) => change(`${unit} held on ${machine}: ${String(held)}`, (model) => model.setHeld(unit, machine, held))),
  },
);
