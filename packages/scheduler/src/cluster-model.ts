import type { MachineId, UnitName } from '@fleet/model';
import { Candidates } from './candidates.ts';
import { ClusterState } from './cluster-state.ts';
import type { UnitEntry } from './entries.ts';
import { PendingExplainer } from './pending-explainer.ts';
import { Planner } from './planner.ts';
import { shapeOf } from './shape.ts';
import type { ClusterSnapshot, Pending, Plan, PlacementExplanation, PlanOptions, SchedulerMachine, SchedulerUnit, Step } from './types.ts';

/** More passes than any sane cluster needs; what is left then is planned the next time. */
const MAX_PASSES = 16;

/**
 * A cluster that is kept in memory and planned again and again: tell it what changes, and `plan` gives the steps that follow from the
 * changes since the last plan, in time proportional to what they touch.
 *
 * The model takes its own steps as done. If one is rejected, say how things really are (`setPlacement`), and the unit is planned anew.
 * After any changes, the steps are those that `planCluster` would give for the `snapshot`.
 */
export class ClusterModel {
  readonly #state = new ClusterState();
  readonly #held = new Map<UnitName, Set<MachineId>>();
  readonly #heldBy = new Map<MachineId, Set<UnitName>>();
  readonly #candidates = new Candidates(this.#state, this.#held);
  readonly #planner = new Planner(this.#state, this.#candidates);
  readonly #explainer = new PendingExplainer(this.#state, this.#candidates);
  /** Names that were pending when their unit was removed. */
  readonly #noLongerPending = new Set<UnitName>();

  /** A model in which everything is still to be planned. */
  static fromSnapshot(snapshot: ClusterSnapshot): ClusterModel {
    const model = new ClusterModel();
    model.#state.setMachines(snapshot.machines);
    model.#state.setUnits(snapshot.units);
    for (const [unit, machine] of snapshot.placements) model.#state.setPlacement(unit, machine);
    for (const [unit, machines] of snapshot.held) for (const machine of machines) model.setHeld(unit, machine, true);
    return model;
  }

  /** A machine joined, or its metadata changed. */
  setMachine(machine: SchedulerMachine): void {
    this.setMachines([machine]);
  }

  /** As {@link setMachine} for many, which is much quicker than one after the other. */
  setMachines(machines: Iterable<SchedulerMachine>): void {
    this.#state.setMachines(machines);
  }

  /** A machine went away. What is placed there moves with the next plan. */
  removeMachine(id: MachineId): void {
    this.#state.removeMachine(id);
    for (const unit of this.#heldBy.get(id) ?? []) this.#noteHeld(unit);
  }

  /** A unit was added, or its target state or requirements changed. Pass the same `requirements` object if they did not: that is quick. */
  setUnit(unit: SchedulerUnit): void {
    this.setUnits([unit]);
  }

  /** As {@link setUnit} for many, which is much quicker than one after the other. */
  setUnits(units: Iterable<SchedulerUnit>): void {
    this.#state.setUnits(units);
  }

  /** A unit was destroyed, and its placement with it: no step follows for it. */
  removeUnit(name: UnitName): void {
    if ((this.#state.units.get(name)?.pending ?? null) !== null) this.#noLongerPending.add(name);
    this.#state.removeUnit(name);
  }

  /** Where a unit really is placed, if that is not what the model has. Telling it what it knows changes nothing. */
  setPlacement(unit: UnitName, machine: MachineId | null): void {
    this.#state.setPlacement(unit, machine);
  }

  /** Whether a machine reports a state for a unit, that is, still has something of it. */
  setHeld(unit: UnitName, machine: MachineId, held: boolean): void {
    change(this.#held, unit, machine, held);
    change(this.#heldBy, machine, unit, held);
    this.#noteHeld(unit);
  }

  /** The steps that follow from the changes since the last plan. Empty, and quick, if nothing changed. */
  plan(options: PlanOptions = {}): Plan {
    const steps: Step[] = [];
    for (let pass = 0; pass < (options.passes ?? MAX_PASSES); pass++) {
      const more = this.#planner.pass();
      if (more.length === 0) break;
      for (const step of more) steps.push(step);
    }
    return { steps, pending: this.#pendingChanges() };
  }

  /** The cluster as the model has it, its own steps included. */
  snapshot(): ClusterSnapshot {
    const units = [...this.#state.units.values()];
    const placed = units.flatMap(({ name, machine }): [UnitName, MachineId][] => (machine === null ? [] : [[name, machine.id]]));
    return {
      machines: this.#state.presentMachines().map(({ machine }) => machine),
      units: units.map(({ unit }) => unit),
      placements: new Map([...placed, ...this.#state.orphans]),
      held: new Map([...this.#held].map(([unit, machines]) => [unit, new Set(machines)])),
    };
  }

  /** What the plans so far have said about a unit that should have a machine and has none; `null` for all others. */
  pendingOf(unit: UnitName): Pending | null {
    return this.#state.units.get(unit)?.pending ?? null;
  }

  placementOf(unit: UnitName): MachineId | null {
    return this.#state.units.get(unit)?.machine?.id ?? this.#state.orphans.get(unit) ?? null;
  }

  /** Names of the units counted on a machine, in byte order: the active ones placed there and the global ones that run beside them. */
  countedOn(machine: MachineId): readonly UnitName[] {
    const entry = this.#state.machine(machine);
    return entry?.present === true ? this.#state.countedOn(entry).map(({ name }) => name) : [];
  }

  /** How many units are counted on a machine; 0 if it is not present. */
  load(machine: MachineId): number {
    const entry = this.#state.machine(machine);
    return entry?.present === true ? this.#state.loads.load(entry.slot) : 0;
  }

  /** How machines stand to a unit now, whether it has one or not; `null` if the unit is not known. */
  explain(unit: UnitName): PlacementExplanation | null {
    const entry = this.#state.units.get(unit);
    return entry === undefined ? null : this.#explainer.explainPlacement(entry);
  }

  #noteHeld(unit: UnitName): void {
    const entry = this.#state.units.get(unit);
    if (entry?.waiting === true) this.#state.dirt.tries.add(entry);
  }

  /** @param alike What was said in this plan of units that all machines treat alike: thousands of instances may wait for one reason. */
  #explainWaiting(entry: UnitEntry, alike: Map<string, Pending>): Pending {
    if (entry.unit.requirements.machineOf.length > 0 || this.#held.has(entry.name)) return this.#explainer.explain(entry);
    const known = alike.get(shapeOf(entry));
    if (known !== undefined) return { ...known, unit: entry.name };
    const pending = this.#explainer.explain(entry);
    alike.set(shapeOf(entry), pending);
    return pending;
  }

  #pendingChanges(): ReadonlyMap<UnitName, Pending | null> {
    const changes = new Map<UnitName, Pending | null>();
    for (const name of this.#noLongerPending) changes.set(name, null);
    this.#noLongerPending.clear();
    const { standing } = this.#state.dirt;
    const alike = new Map<string, Pending>();
    for (const entry of standing) {
      const pending = entry.waiting ? this.#explainWaiting(entry, alike) : null;
      if (pending?.summary === entry.pending?.summary) continue;
      entry.pending = pending;
      changes.set(entry.name, pending);
    }
    standing.clear();
    return changes;
  }
}

function change<K, V>(sets: Map<K, Set<V>>, key: K, value: V, present: boolean): void {
  const set = sets.get(key) ?? new Set<V>();
  if (present) sets.set(key, set.add(value));
  else if (set.delete(value) && set.size === 0) sets.delete(key);
}
