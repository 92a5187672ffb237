import type { MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api';
import { mergeMetadata, type MachineId, type Metadata, type UnitName } from '@fleet/model';
import type { KnownUnit, MachineRecord, Mirror, MirrorBatch, StateRecord, UnitRecord } from '@fleet/registry';
import { SortedNames } from './sorted-names.ts';

/** What one batch of the mirror changed, by the nouns of the API. */
export interface ViewChange {
  readonly revision: number;
  readonly units: ReadonlySet<UnitName>;
  /** `<machine>/<unit>` */
  readonly states: ReadonlySet<string>;
  readonly machines: ReadonlySet<MachineId>;
}

const NO_STATES: ReadonlyMap<MachineId, StateRecord> = new Map();

/** The mirror of the cluster, indexed for the questions of the API. Everything here is synchronous. */
export class ClusterView implements Disposable {
  readonly mirror: Mirror;
  readonly unitNames: SortedNames;
  readonly machineIds: SortedNames;
  /** `<unit> <machine>`: by unit, then machine; a space sorts before all that a name may contain. */
  readonly stateKeys: SortedNames;
  readonly #statesByUnit = new Map<UnitName, Map<MachineId, StateRecord>>();
  readonly #placedOn = new Map<MachineId, number>();
  readonly #listeners = new Set<(change: ViewChange) => void>();
  readonly #unsubscribe: () => void;

  constructor(mirror: Mirror) {
    this.mirror = mirror;
    this.unitNames = new SortedNames(mirror.records('units').keys());
    this.machineIds = new SortedNames(mirror.records('machines').keys());
    this.stateKeys = new SortedNames([...mirror.records('state').values()].map(({ unit, machine }) => `${unit} ${machine}`));
    for (const state of mirror.records('state').values()) this.#putState(state);
    for (const { machine } of mirror.records('place').values()) this.#countPlaced(machine, 1);
    this.#unsubscribe = mirror.subscribe((batch) => this.#apply(batch));
  }

  get revision(): number {
    return this.mirror.revision;
  }

  /** Called after each batch that changed something users can see. */
  subscribe(listener: (change: ViewChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  unit(name: string): UnitRecord | undefined {
    return this.mirror.records('units').get(name);
  }

  /** What is stored of a unit, as far as this copy has come. */
  known(name: string): KnownUnit | undefined {
    const unit = this.unit(name);
    return unit === undefined ? undefined : { unit, placement: this.mirror.records('place').get(name) ?? null };
  }

  statesOf(name: string): ReadonlyMap<MachineId, StateRecord> {
    return this.#statesByUnit.get(name as UnitName) ?? NO_STATES;
  }

  state(unit: string, machine: string): StateRecord | undefined {
    return this.statesOf(unit).get(machine as MachineId);
  }

  machine(id: string): MachineRecord | undefined {
    return this.mirror.records('machines').get(id);
  }

  /** Static metadata of a present machine with the dynamic one laid over it. */
  metadata(machine: MachineRecord): Metadata {
    const dynamic = this.mirror.records('metadata').get(machine.id);
    return dynamic === undefined ? machine.metadata : mergeMetadata(machine.metadata, dynamic.values);
  }

  /**
   * Where a unit is and in which state. A unit without a placement that should be inactive still counts as on the machine
   * whose report answers an older generation: that machine has yet to take it away. A report of a later generation than the
   * unit has is of a former unit of that name, and says nothing of this one.
   */
  location(unit: UnitRecord): { readonly machine: MachineId | null; readonly currentState: UnitSummary['currentState'] } {
    const placement = this.mirror.records('place').get(unit.name);
    const states = this.statesOf(unit.name);
    if (placement !== undefined) {
      const report = states.get(placement.machine);
      return { machine: placement.machine, currentState: report !== undefined && report.generation <= unit.generation ? report.asked : 'inactive' };
    }
    if (unit.targetState === 'inactive' && !unit.global) {
      for (const state of states.values()) {
        if (state.generation < unit.generation) return { machine: state.machine, currentState: state.asked };
      }
    }
    return { machine: null, currentState: 'inactive' };
  }

  /** A unit as version 2 shows it, without its description. */
  summary(unit: UnitRecord): UnitSummary {
    const { machine, currentState } = this.location(unit);
    const pending = this.mirror.records('pending').get(unit.name);
    return {
      name: unit.name,
      hash: unit.hash,
      desiredState: unit.targetState,
      currentState,
      ...(machine !== null && { machineID: machine }),
      global: unit.global,
      generation: unit.generation,
      ...(pending !== undefined && { pending: { summary: pending.summary, machines: pending.machines, rejections: pending.rejections } }),
    };
  }

  machineInfo(machine: MachineRecord): MachineInfo {
    return {
      id: machine.id,
      ...(machine.address !== '' && { primaryIP: machine.address }),
      metadata: this.metadata(machine),
      version: machine.version,
      ...(machine.unitLogs !== undefined && { unitLogs: machine.unitLogs }),
      units: this.#placedOn.get(machine.id) ?? 0,
    };
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  #apply(batch: MirrorBatch): void {
    const change = { revision: batch.revision, units: new Set<UnitName>(), states: new Set<string>(), machines: new Set<MachineId>() };
    for (const record of batch.changes) {
      switch (record.kind) {
        case 'units':
          if (record.after === undefined) this.unitNames.delete(record.id);
          else this.unitNames.add(record.id);
          change.units.add(record.id as UnitName);
          break;
        case 'place':
          if (record.before !== undefined) this.#countPlaced(record.before.machine, -1);
          if (record.after !== undefined) this.#countPlaced(record.after.machine, 1);
          change.units.add(record.id as UnitName);
          break;
        case 'pending':
          change.units.add(record.id as UnitName);
          break;
        case 'state':
          if (record.before !== undefined) this.#deleteState(record.before);
          if (record.after !== undefined) this.#putState(record.after);
          this.#sortState(record.before, record.after);
          change.states.add(record.id);
          change.units.add((record.after ?? record.before)?.unit ?? (record.id as UnitName));
          break;
        case 'machines':
          if (record.after === undefined) this.machineIds.delete(record.id);
          else this.machineIds.add(record.id);
          change.machines.add(record.id as MachineId);
          break;
        case 'metadata':
          if (this.machine(record.id) !== undefined) change.machines.add(record.id as MachineId);
          break;
        case 'globals':
        case 'sched':
        case 'leader':
          break;
      }
    }
    for (const listener of this.#listeners) listener(change);
  }

  #sortState(before: StateRecord | undefined, after: StateRecord | undefined): void {
    if (before !== undefined && after === undefined) this.stateKeys.delete(`${before.unit} ${before.machine}`);
    if (after !== undefined) this.stateKeys.add(`${after.unit} ${after.machine}`);
  }

  #putState(state: StateRecord): void {
    const states = this.#statesByUnit.get(state.unit);
    if (states === undefined) this.#statesByUnit.set(state.unit, new Map([[state.machine, state]]));
    else states.set(state.machine, state);
  }

  #deleteState(state: StateRecord): void {
    const states = this.#statesByUnit.get(state.unit);
    states?.delete(state.machine);
    if (states?.size === 0) this.#statesByUnit.delete(state.unit);
  }

  #countPlaced(machine: MachineId, by: number): void {
    const count = (this.#placedOn.get(machine) ?? 0) + by;
    if (count === 0) this.#placedOn.delete(machine);
    else this.#placedOn.set(machine, count);
  }
}

/** A report as version 2 shows it. */
export function stateInfo(state: StateRecord): UnitStateInfo {
  return {
    name: state.unit,
    machineID: state.machine,
    hash: state.hash,
    load: state.load,
    active: state.active,
    sub: state.sub,
    asked: state.asked,
    generation: state.generation,
    ...(state.reason !== undefined && { reason: state.reason }),
  };
}
