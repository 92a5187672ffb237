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
  /** Of several with one id the last counts. */
  readonly machines: readonly SchedulerMachine[];
  /** Global units included; templates with target `inactive` too. Of several with one name the last counts. */
  readonly units: readonly SchedulerUnit[];
  /** The machine each placed unit is assigned to; may name machines that are gone. Global units have none. */
  readonly placements: ReadonlyMap<UnitName, MachineId>;
  /**
   * Machines that report a state for a unit: those that still hold it although it is not, or no longer, placed there, and harmlessly
   * also the one it is placed on. A unit is placed on another machine only when this set is empty or its machines are gone.
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
  /** What exactly does not fit, when the code is `machine-unfit`. */
  readonly rejection?: RejectionCode;
  /** The other unit that causes the step: the missing peer, the unit in conflict, the replacer. */
  readonly because?: string;
}

/** One decision. Applied in order; a step never depends on a later one. */
export type Step =
  | { readonly kind: 'unschedule'; readonly unit: UnitName; readonly machine: MachineId; readonly reason: Reason }
  | { readonly kind: 'schedule'; readonly unit: UnitName; readonly machine: MachineId; readonly reason: Reason };

/** What a machine lacks, or has too much of, for a unit. */
export type RejectionCode = 'machine-id' | 'metadata' | 'machine-of' | 'conflict' | 'held' | 'malformed';

/** Why machines will not do, counted: "3 lack metadata region=eu". */
export interface Rejection {
  readonly code: RejectionCode;
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

/** How the machines stand to a unit, whether it has one or not. */
export interface PlacementExplanation {
  readonly unit: UnitName;
  /** `unplaced` is a unit that should have a machine and has none; it may be about to get one. */
  readonly standing: 'inactive' | 'global' | 'placed' | 'unplaced';
  /** Where it is placed; `null` for a global unit. */
  readonly machine: MachineId | null;
  /** How many machines are present. */
  readonly machines: number;
  /** How many of them fit; for a global unit, on how many it runs. */
  readonly fits: number;
  readonly rejections: readonly Rejection[];
  /** One line for people. */
  readonly summary: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Units whose pending reason changed since the last plan; `null` when the unit is no longer pending. */
  readonly pending: ReadonlyMap<UnitName, Pending | null>;
}

export interface PlanOptions {
  /**
   * How many passes to plan, each seeing the effects of the one before; one pass is what the original does at a time. By default as
   * many as it takes until nothing is left to do.
   */
  readonly passes?: number;
}
