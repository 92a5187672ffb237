import { mergeMetadata, type MachineId, type UnitName } from '@fleet/model';
import type { Mirror, MirrorBatch, RecordChange, RequirementsSource } from '@fleet/registry';
import type { ClusterModel, SchedulerUnit } from '@fleet/scheduler';
import { HeldUnits } from './held-units.ts';
import type { MachineJudge } from './machine-judge.ts';

/** What the planner's model offers to be fed. */
export type FedModel = Pick<ClusterModel, 'setMachines' | 'removeMachine' | 'setUnits' | 'removeUnit' | 'setPlacement' | 'setHeld'>;

export interface ClusterFeedOptions {
  readonly mirror: Pick<Mirror, 'records'>;
  readonly model: FedModel;
  readonly judge: MachineJudge;
  readonly requirements: RequirementsSource;
  /** How long a unit that was taken from a present machine, which has not reported it, is kept back from others. */
  readonly settleMs: number;
}

/** A unit whose text cannot be had or read; it is left as it is. */
export interface UnreadableUnit {
  readonly unit: UnitName;
  readonly problem: string;
}

/**
 * Gathers: turns changes of the cluster mirror into changes of the planner's model, looking only at what changed.
 *
 * Units on machines that are missing but not declared dead are kept out of the model, so that no plan touches them.
 */
export class ClusterFeed {
  readonly #options: ClusterFeedOptions;
  readonly #held: HeldUnits;
  readonly #units = new Set<UnitName>();
  readonly #machines = new Set<MachineId>();
  readonly #placedOn = new Map<MachineId, Set<UnitName>>();
  readonly #inModel = new Set<UnitName>();
  readonly #heldInModel = new Map<UnitName, ReadonlySet<MachineId>>();
  readonly #machinesInModel = new Set<MachineId>();
  readonly #unreadable = new Map<UnitName, string>();

  constructor(options: ClusterFeedOptions) {
    this.#options = options;
    this.#held = new HeldUnits(options.settleMs);
  }

  /** Takes in everything the mirror holds. Once, before anything else. */
  start(now: number): void {
    const { mirror, judge } = this.#options;
    for (const machine of mirror.records('machines').values()) {
      judge.appeared(machine.id);
      this.#machines.add(machine.id);
    }
    for (const placement of mirror.records('place').values()) {
      this.#place(placement.unit, placement.machine, true);
      judge.foundMissing(placement.machine, now);
      this.#units.add(placement.unit);
    }
    for (const state of mirror.records('state').values()) this.#held.reported(state.unit, state.machine);
    for (const unit of mirror.records('units').keys()) this.#units.add(unit as UnitName);
  }

  /** Notes what a batch changed; {@link feed} acts on it. */
  note(batch: MirrorBatch, now: number): void {
    // Machines first: whether one left in good order depends on what it reported before this batch.
    for (const change of batch.changes) if (change.kind === 'machines') this.#noteMachine(change, batch.relisted, now);
    for (const change of batch.changes) this.#noteOther(change, now);
    // The end of a lease takes key and states in one revision. A key that went alone was deleted by hand.
    for (const change of batch.changes) {
      if (change.kind === 'machines' && change.after === undefined && this.#held.reportsAny(change.id as MachineId)) this.#options.judge.doubted(change.id as MachineId, now);
    }
  }

  /** Marks the units of a machine, and the machine, for {@link feed}: its verdict changed. */
  touchMachine(machine: MachineId): void {
    this.#machines.add(machine);
    for (const unit of this.#placedOn.get(machine) ?? []) this.#units.add(unit);
  }

  touchUnit(unit: UnitName): void {
    this.#units.add(unit);
  }

  /** Asks again for the texts that could not be had. */
  touchUnreadable(): void {
    for (const unit of this.#unreadable.keys()) this.#units.add(unit);
  }

  get unreadable(): readonly UnreadableUnit[] {
    return [...this.#unreadable].map(([unit, problem]) => ({ unit, problem }));
  }

  /** Machines other than `except` that are present and still hold the unit. */
  holders(unit: UnitName, except?: MachineId): ReadonlySet<MachineId> {
    const record = this.#options.mirror.records('units').get(unit);
    if (record?.global === true) return new Set();
    return this.#held.holders(unit, except, (machine) => this.#options.judge.isPresent(machine));
  }

  /** When a hold by time ends, if one is waiting. */
  nextRelease(): number | null {
    return this.#held.nextRelease();
  }

  isReferred(machine: MachineId): boolean {
    return (this.#placedOn.get(machine)?.size ?? 0) > 0;
  }

  /**
   * Brings the model up to date. Waits only for texts; the model itself is changed in one go afterwards. What changes
   * in the meantime is left for the next time.
   */
  async feed(now: number, signal: AbortSignal): Promise<void> {
    for (const unit of this.#held.release(now)) this.#units.add(unit);
    const units = [...this.#units].sort();
    this.#units.clear();
    try {
      await Promise.all(units.map((unit) => this.#readText(unit, signal)));
    } catch (error) {
      for (const unit of units) this.#units.add(unit);
      throw error;
    }
    const machines = [...this.#machines].sort();
    this.#machines.clear();
    this.#feedMachines(machines);
    this.#feedUnits(units);
  }

  async #readText(name: UnitName, signal: AbortSignal): Promise<void> {
    const record = this.#options.mirror.records('units').get(name);
    if (record === undefined) return;
    const result = await this.#options.requirements.resolve(record, signal);
    if (result.ok) this.#unreadable.delete(name);
    else this.#unreadable.set(name, result.problem);
  }

  #noteMachine(change: Extract<RecordChange, { kind: 'machines' }>, relisted: boolean, now: number): void {
    const { judge } = this.#options;
    const machine = (change.after ?? change.before)?.id;
    if (machine === undefined) return;
    if (change.after !== undefined) judge.appeared(machine);
    else {
      const placed = this.#placedOn.get(machine)?.size ?? 0;
      judge.vanished(machine, now, !relisted && placed > 0 && !this.#held.reportsAny(machine));
    }
    this.touchMachine(machine);
  }

  #noteOther(change: RecordChange, now: number): void {
    switch (change.kind) {
      case 'units':
        this.#units.add(change.id as UnitName);
        return;
      case 'place': {
        const unit = change.id as UnitName;
        if (change.before !== undefined) {
          this.#place(unit, change.before.machine, false);
          if (change.after?.machine !== change.before.machine && this.#options.judge.isPresent(change.before.machine)) this.#held.taken(unit, change.before.machine, now);
        }
        if (change.after !== undefined) {
          this.#place(unit, change.after.machine, true);
          this.#options.judge.foundMissing(change.after.machine, now);
        }
        this.#units.add(unit);
        return;
      }
      case 'state': {
        const state = change.after ?? change.before;
        if (state === undefined) return;
        const changed = change.after === undefined ? this.#held.gone(state.unit, state.machine) : this.#held.reported(state.unit, state.machine);
        if (changed) this.#units.add(state.unit);
        return;
      }
      case 'metadata':
        this.#machines.add(change.id as MachineId);
        return;
      case 'machines':
      case 'globals':
      case 'sched':
      case 'pending':
      case 'leader':
        return;
      default:
        change satisfies never;
    }
  }

  #place(unit: UnitName, machine: MachineId, on: boolean): void {
    let units = this.#placedOn.get(machine);
    if (on) {
      if (units === undefined) this.#placedOn.set(machine, (units = new Set()));
      units.add(unit);
    } else if (units?.delete(unit) === true && units.size === 0) this.#placedOn.delete(machine);
  }

  /** All at once: the model takes many machines and many units in much quicker together than one after the other. */
  #feedMachines(ids: readonly MachineId[]): void {
    const { mirror, model } = this.#options;
    const present = ids.flatMap((id) => mirror.records('machines').get(id) ?? []);
    const gone = ids.filter((id) => !mirror.records('machines').has(id) && this.#machinesInModel.delete(id));
    // Units on a machine in doubt leave the model first, or their loss would be planned for.
    this.#feedUnits(gone.flatMap((id) => [...(this.#placedOn.get(id) ?? [])]));
    for (const id of gone) model.removeMachine(id);
    model.setMachines(present.map(({ id, metadata }) => ({ id, metadata: mergeMetadata(metadata, mirror.records('metadata').get(id)?.values ?? {}) })));
    for (const { id } of present) this.#machinesInModel.add(id);
  }

  #feedUnits(names: readonly UnitName[]): void {
    const { model } = this.#options;
    const units = names.flatMap((name) => this.#takeUnit(name) ?? []);
    model.setUnits(units.map(({ unit }) => unit));
    for (const { unit, placement } of units) {
      this.#inModel.add(unit.name);
      model.setPlacement(unit.name, placement);
      this.#feedHeld(unit.name, this.holders(unit.name, placement ?? undefined));
    }
  }

  /** The unit for the model; none when it has to leave it, or to stay there as it was. */
  #takeUnit(name: UnitName): { readonly unit: SchedulerUnit; readonly placement: MachineId | null } | undefined {
    const { mirror, judge, model, requirements } = this.#options;
    const record = mirror.records('units').get(name);
    const placement = mirror.records('place').get(name)?.machine ?? null;
    if (record === undefined) {
      this.#drop(name);
      requirements.forget(name);
      this.#unreadable.delete(name);
      // A placement without a unit is cleared by the plan.
      if (placement !== null && !judge.isDoubtful(placement)) model.setPlacement(name, placement);
      return undefined;
    }
    if (placement !== null && judge.isDoubtful(placement)) {
      this.#drop(name);
      return undefined;
    }
    const known = requirements.peek(record);
    // Without its text nothing can be concluded; a unit that is in the model stays there as it was.
    return known === undefined ? undefined : { unit: { name, targetState: record.targetState, requirements: known }, placement };
  }

  #feedHeld(name: UnitName, holders: ReadonlySet<MachineId>): void {
    const { model } = this.#options;
    const before = this.#heldInModel.get(name);
    for (const machine of before ?? []) if (!holders.has(machine)) model.setHeld(name, machine, false);
    for (const machine of holders) if (before?.has(machine) !== true) model.setHeld(name, machine, true);
    if (holders.size > 0) this.#heldInModel.set(name, holders);
    else this.#heldInModel.delete(name);
  }

  #drop(name: UnitName): void {
    if (!this.#inModel.delete(name)) return;
    const { model } = this.#options;
    model.setPlacement(name, null);
    this.#feedHeld(name, new Set());
    model.removeUnit(name);
  }
}
