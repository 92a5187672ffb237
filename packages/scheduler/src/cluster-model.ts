import type { MachineId, UnitName } from '@fleet/model';
import { ReferencePlanner } from './testing/reference-planner.ts';
import type { ClusterSnapshot, Pending, Plan, PlanOptions, SchedulerMachine, SchedulerUnit } from './types.ts';

export class ClusterModel {
  readonly #machines = new Map<MachineId, SchedulerMachine>();
  readonly #units = new Map<UnitName, SchedulerUnit>();
  readonly #placements = new Map<UnitName, MachineId>();
  readonly #held = new Map<UnitName, Set<MachineId>>();
  #pending: ReadonlyMap<UnitName, Pending | null> = new Map();

  static fromSnapshot(snapshot: ClusterSnapshot): ClusterModel {
    const model = new ClusterModel();
    for (const machine of snapshot.machines) model.setMachine(machine);
    for (const unit of snapshot.units) model.setUnit(unit);
    for (const [unit, machine] of snapshot.placements) model.setPlacement(unit, machine);
    for (const [unit, machines] of snapshot.held) for (const machine of machines) model.setHeld(unit, machine, true);
    return model;
  }

  setMachine(machine: SchedulerMachine): void {
    this.#machines.set(machine.id, machine);
  }

  removeMachine(id: MachineId): void {
    this.#machines.delete(id);
  }

  setUnit(unit: SchedulerUnit): void {
    this.#units.set(unit.name, unit);
  }

  removeUnit(name: UnitName): void {
    this.#units.delete(name);
    this.#placements.delete(name);
  }

  setPlacement(unit: UnitName, machine: MachineId | null): void {
    if (machine === null) this.#placements.delete(unit);
    else this.#placements.set(unit, machine);
  }

  setHeld(unit: UnitName, machine: MachineId, held: boolean): void {
    const machines = this.#held.get(unit) ?? new Set<MachineId>();
    if (held) machines.add(machine);
    else machines.delete(machine);
    if (machines.size > 0) this.#held.set(unit, machines);
    else this.#held.delete(unit);
  }

  plan(options: PlanOptions = {}): Plan {
    const planner = new ReferencePlanner(this.snapshot());
    const plan = planner.plan(options.passes ?? 16);
    this.#placements.clear();
    for (const [unit, machine] of planner.placements()) this.#placements.set(unit, machine);
    const pending = new Map<UnitName, Pending | null>();
    for (const [unit, why] of plan.pending) if (this.#pending.get(unit)?.summary !== why?.summary) pending.set(unit, why);
    for (const unit of this.#pending.keys()) if (!plan.pending.has(unit)) pending.set(unit, null);
    this.#pending = plan.pending;
    return { steps: plan.steps, pending };
  }

  snapshot(): ClusterSnapshot {
    return {
      machines: [...this.#machines.values()],
      units: [...this.#units.values()],
      placements: new Map(this.#placements),
      held: new Map([...this.#held].map(([unit, machines]) => [unit, new Set(machines)])),
    };
  }

  pendingOf(unit: UnitName): Pending | null {
    return this.#pending.get(unit) ?? null;
  }

  placementOf(unit: UnitName): MachineId | null {
    return this.#placements.get(unit) ?? null;
  }

  /** Names of the units counted on a machine: those placed there and the global ones that run beside them, in byte order. */
  countedOn(machine: MachineId): readonly UnitName[] {
    const found = this.#machines.get(machine);
    return found === undefined ? [] : new ReferencePlanner(this.snapshot()).counted(found).map((unit) => unit.name);
  }

  load(machine: MachineId): number {
    return this.countedOn(machine).length;
  }
}
