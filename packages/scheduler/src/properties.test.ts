import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkPlan } from './check-plan.ts';
import { ClusterModel } from './cluster-model.ts';
import { desiredUnits } from './desired-units.ts';
import { inConflict } from './fitness.ts';
import { planCluster } from './plan-cluster.ts';
import { arbitraryChange, arbitrarySnapshot } from './testing/arbitrary-cluster.ts';
import { planByReference } from './testing/reference-planner.ts';
import type { ClusterSnapshot } from './types.ts';

const runs = Number(process.env['FLEET_PROPERTY_RUNS'] ?? 400);

/** Checks a property for many clusters; a failure prints the seed to give in FLEET_PROPERTY_SEED. */
function always<T extends [unknown, ...unknown[]]>(property: fc.IPropertyWithHooks<T>): void {
  const seed = process.env['FLEET_PROPERTY_SEED'];
  fc.assert(property, { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) });
}

function apply(snapshot: ClusterSnapshot): ClusterSnapshot {
  const model = ClusterModel.fromSnapshot(snapshot);
  model.plan();
  return model.snapshot();
}

describe('any cluster', () => {
  it('gets a plan that breaks no rule', () => {
    always(fc.property(arbitrarySnapshot, (snapshot) => expect(checkPlan(snapshot, planCluster(snapshot))).toEqual([])));
  });

  it('needs no second plan', () => {
    always(fc.property(arbitrarySnapshot, (snapshot) => expect(planCluster(apply(snapshot)).steps).toEqual([])));
  });

  it('gets the plan of the plain rules, step for step and reason for reason', () => {
    always(
      fc.property(arbitrarySnapshot, (snapshot) => {
        expect(planCluster(snapshot)).toEqual(planByReference(snapshot));
      }),
    );
  });

  it('gets the same plan whatever the order of its parts', () => {
    const shuffled = fc
      .tuple(arbitrarySnapshot, fc.integer())
      .map(([snapshot, seed]) => ({ snapshot, other: { ...snapshot, machines: rotate(snapshot.machines, seed), units: rotate(snapshot.units, seed) } }));
    always(fc.property(shuffled, ({ snapshot, other }) => expect(planCluster(other).steps).toEqual(planCluster(snapshot).steps)));
  });

  it('runs no units in conflict on one machine, counted or desired', () => {
    always(
      fc.property(arbitrarySnapshot, (snapshot) => {
        const after = apply(snapshot);
        const model = ClusterModel.fromSnapshot(after);
        const globals = after.units.filter((unit) => unit.requirements.global);
        for (const machine of after.machines) {
          const scheduled = after.units.filter((unit) => after.placements.get(unit.name) === machine.id);
          const desired = desiredUnits({ machine, scheduled, globals });
          expect(desired.flatMap((unit) => desired.filter((other) => inConflict(unit, other)))).toEqual([]);
          expect(desired.map(({ name }) => name).sort()).toEqual([...model.countedOn(machine.id)].sort());
          expect(model.load(machine.id)).toBe(desired.length);
        }
      }),
    );
  });
});

describe('a live cluster', () => {
  it('is planned step for step as if from scratch after every change', () => {
    const story = fc.tuple(arbitrarySnapshot, fc.array(fc.array(arbitraryChange, { minLength: 1, maxLength: 3 }), { maxLength: 12 }));
    always(
      fc.property(story, ([snapshot, changes]) => {
        const model = ClusterModel.fromSnapshot(snapshot);
        model.plan();
        for (const batch of changes) {
          for (const each of batch) each.apply(model);
          const before = model.snapshot();
          const { steps } = model.plan();
          expect(steps).toEqual(planByReference(before).steps);
          expect(checkPlan(before, { steps })).toEqual([]);
          expect(model.plan()).toEqual({ steps: [], pending: new Map() });
        }
      }),
    );
  });

  it('knows the same pending units, for the same reasons, as one that is new', () => {
    const story = fc.tuple(arbitrarySnapshot, fc.array(arbitraryChange, { maxLength: 12 }));
    always(
      fc.property(story, ([snapshot, changes]) => {
        const model = ClusterModel.fromSnapshot(snapshot);
        const said = new Map(model.plan().pending);
        for (const each of changes) {
          each.apply(model);
          for (const [unit, pending] of model.plan().pending) {
            if (pending === null) expect(said.delete(unit)).toBe(true);
            else said.set(unit, pending);
          }
        }
        const anew = planByReference(model.snapshot()).pending;
        expect([...said.keys()].sort()).toEqual([...anew.keys()].sort());
        for (const [unit, pending] of said) expect(model.pendingOf(unit)).toEqual(pending);
      }),
    );
  });
});

function rotate<T>(items: readonly T[], by: number): T[] {
  const at = items.length === 0 ? 0 : Math.abs(by) % items.length;
  return [...items.slice(at), ...items.slice(0, at)].reverse();
}
