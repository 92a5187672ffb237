import type { MachineId, Metadata, TargetState, UnitName } from '@fleet/model';
import type { Requirements } from '@fleet/unit-parser';

/** A machine that is present, as far as placement looks at it. */
export interface SchedulerMachine {
  readonly id: MachineId;
  /** Static and dynamic metadata merged. */
  readonly metadata: Metadata;
}

/** A unit as far as placement looks at it. */
export interface SchedulerUnit {
  readonly name: UnitName;
  readonly targetState: TargetState;
  readonly requirements: Requirements;
}

/** Everything a plan depends on. */
export interface ClusterSnapshot {
  readonly machines: readonly SchedulerMachine[];
  /** Global units included; templates with target `inactive` too. */
  readonly units: readonly SchedulerUnit[];
  /** The machine each placed unit is assigned to; may name machines that are gone. Global units have none. */
  readonly placements: ReadonlyMap<UnitName, MachineId>;
  /**
   * Machines that still hold a unit (they report a state for it) although it is not, or no longer, placed there.
   * A unit is placed on another machine only when this set is empty or its machines are gone.
   */
  readonly held: ReadonlyMap<UnitName, ReadonlySet<MachineId>>;
}

/** Why a step is taken. `text` is the original's wording where it has one. */
export interface Reason {
  readonly code:
    | 'target-inactive'
    | 'machine-gone'
    | 'machine-unfit'
    | 'replaced'
    | 'unit-gone'
    | 'became-global'
    | 'not-scheduled';
  readonly text: string;
}

/** One decision. Applied in order; a step never depends on a later one. */
export type Step =
  | { readonly kind: 'unschedule'; readonly unit: UnitName; readonly machine: MachineId; readonly reason: Reason }
  | { readonly kind: 'schedule'; readonly unit: UnitName; readonly machine: MachineId; readonly reason: Reason };

/** Why machines will not do, counted: "3 lack metadata region=eu". */
export interface Rejection {
  readonly code: 'machine-id' | 'metadata' | 'machine-of' | 'conflict' | 'held' | 'replace-destination' | 'malformed';
  /** What was asked for, or the unit in the way. */
  readonly detail: string;
  /** How many machines it concerns. */
  readonly machines: number;
}

/** A unit that should have a machine and has none. */
export interface Pending {
  readonly unit: UnitName;
  /** How many machines were present. */
  readonly machines: number;
  readonly rejections: readonly Rejection[];
  /** One line for people: "0 of 5 machines: 3 lack metadata region=eu, 2 conflict with web@1.service". */
  readonly summary: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Units whose pending reason changed since the last plan; `null` when the unit is no longer pending. */
  readonly pending: ReadonlyMap<UnitName, Pending | null>;
}
