import type { TargetState } from '@fleet/model';
import type { UnitOption } from '@fleet/unit-parser';

/** Why a unit has no machine, counted per kind of rejection. */
export interface PendingInfo {
  /** One line for people: "0 of 5 machines: 3 lack metadata region=eu, 2 conflict with web@1.service". */
  readonly summary: string;
  /** How many machines were present. */
  readonly machines: number;
  readonly rejections: readonly { readonly code: string; readonly detail: string; readonly machines: number }[];
}

/** A unit in listings and in the change stream. */
export interface UnitSummary {
  readonly name: string;
  /** SHA-1 of the unit file, lower case hex. */
  readonly hash: string;
  readonly desiredState: TargetState;
  /** Of a global unit: always `inactive`; look at its states. */
  readonly currentState: TargetState;
  /** The machine it is placed on, or still runs on while it is being taken away. */
  readonly machineID?: string;
  readonly global: boolean;
  /** Counts changes of text and desired state, from 1. */
  readonly generation: number;
  /** First `Description` of section `Unit`. In the change stream only if the daemon has the text at hand. */
  readonly description?: string;
  readonly pending?: PendingInfo;
}

/** What one machine reports of one unit. */
export interface UnitStateInfo {
  readonly name: string;
  readonly machineID: string;
  /** Hash of the unit file that the machine has loaded. */
  readonly hash: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** The state last asked of that machine's systemd. */
  readonly asked: 'loaded' | 'launched';
  /** Generation of the unit this report answers to. */
  readonly generation: number;
  /** Why the machine cannot do what is wanted, if so. */
  readonly reason?: string;
}

/** One thing that happened to a unit, as the cluster keeps it; newest last. `moved` and `pending` come from older daemons only. */
export interface HistoryEntry {
  /** When, by the clock of whoever did it, ISO 8601. */
  readonly time: string;
  readonly revision: number;
  readonly event: 'created' | 'replaced' | 'desired-state' | 'placed' | 'moved' | 'unplaced' | 'pending' | 'destroyed';
  readonly machineID?: string;
  /** The machine it was on before. */
  readonly fromMachineID?: string;
  /** Why, one line. */
  readonly reason?: string;
}

export interface UnitDetail extends UnitSummary {
  readonly options: readonly UnitOption[];
  /** The unit file. */
  readonly text: string;
  readonly states: readonly UnitStateInfo[];
  /** Why it is on its machine, and why it left the one before, in the leader's words; every daemon knows. */
  readonly placementReason?: string;
  readonly history: readonly HistoryEntry[];
}

export interface MachineInfo {
  readonly id: string;
  readonly primaryIP?: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Version of fleetd there. */
  readonly version: string;
  /** Directory on it with `<unit>.log` for the output of each unit; none where its journal has it. */
  readonly unitLogs?: string;
  /** Units placed there, global ones not counted. In the change stream as of the event; a placement alone makes no event. */
  readonly units: number;
}

interface Listing {
  /** Registry revision the listing is complete up to; start a change stream from here. */
  readonly revision: number;
  /** Give it back as `cursor` for what follows; absent at the end. */
  readonly next?: string;
}
export interface UnitList extends Listing {
  readonly units: readonly UnitSummary[];
}
export interface StateList extends Listing {
  readonly states: readonly UnitStateInfo[];
}
export interface MachineList extends Listing {
  readonly machines: readonly MachineInfo[];
}

interface PageQuery {
  /** At most this many; 1 to 10,000, 1,000 unless told. */
  readonly limit?: number;
  readonly cursor?: string;
}
export interface UnitQuery extends PageQuery {
  /** Glob over names, as in `Conflicts`. */
  readonly name?: string;
  /** Whole machine id or its first eight characters. */
  readonly machine?: string;
  /** Current state. */
  readonly state?: TargetState;
  readonly desiredState?: TargetState;
  /** `key=value` pairs that the machine of the unit must have, all of them. */
  readonly metadata?: readonly string[];
}
export interface StateQuery extends PageQuery {
  readonly name?: string;
  readonly machine?: string;
  /** systemd's active state, such as `failed`. */
  readonly active?: string;
  readonly metadata?: readonly string[];
}
export interface MachineQuery extends PageQuery {
  /** Whole machine id or its first eight characters. */
  readonly machine?: string;
  readonly metadata?: readonly string[];
}

export type ChangeKind = 'units' | 'states' | 'machines';

export interface ChangesQuery {
  /** The last revision already known; without it the stream starts with a `reset`. */
  readonly since?: number;
  /** All unless told. */
  readonly kinds?: readonly ChangeKind[];
  /** Glob over unit names; machines are not filtered by it. */
  readonly name?: string;
}

/** One entity changed; `value` is `null` when it is gone. `id`: unit name, machine id, or `<machine>/<unit>` of a state. */
export type EntityChange =
  | { readonly kind: 'unit'; readonly id: string; readonly revision: number; readonly value: UnitSummary | null }
  | { readonly kind: 'state'; readonly id: string; readonly revision: number; readonly value: UnitStateInfo | null }
  | { readonly kind: 'machine'; readonly id: string; readonly revision: number; readonly value: MachineInfo | null };

/**
 * What the change stream carries, one Server-Sent Event each: `event:` is the kind, `data:` this object, `id:` the
 * revision, given only with the last event of a revision so that a resumed stream misses nothing.
 */
export type ChangeEvent =
  | EntityChange
  /** Everything up to `revision` has been sent. */
  | { readonly kind: 'progress'; readonly revision: number }
  /** Forget what you know: this is all there is (of the kinds and names asked for). */
  | {
      readonly kind: 'reset';
      readonly revision: number;
      readonly units: readonly UnitSummary[];
      readonly states: readonly UnitStateInfo[];
      readonly machines: readonly MachineInfo[];
    };

/** Who decides where units run, and whether it holds back. */
export interface EngineStatus {
  readonly revision: number;
  /** Machine whose engine leads, if any does. */
  readonly leader?: string;
  /** Whether that is the machine that answers. */
  readonly leads: boolean;
  /**
   * Set by the leader while it moves no units off lost machines, because too many vanished at once: `held` are those
   * machines, `vanished` how many of the `known` are missing. Always `null` on other machines.
   */
  readonly evacuationPaused: { readonly held: readonly string[]; readonly vanished: number; readonly known: number } | null;
}

/** A unit to submit: exactly one of `options` and `text`. */
export interface SubmitUnit {
  readonly name: string;
  readonly options?: readonly UnitOption[];
  readonly text?: string;
  /** New units: `inactive` unless told; units that exist keep theirs unless told. */
  readonly desiredState?: TargetState;
}
export interface SubmitRequest {
  readonly units: readonly SubmitUnit[];
  /** Put new text in the place of different old text; otherwise such a unit fails with `UNIT_EXISTS`. */
  readonly replace?: boolean;
  /** All or nothing. */
  readonly atomic?: boolean;
}
export interface SetStateRequest {
  readonly changes: readonly { readonly name: string; readonly desiredState: TargetState }[];
  readonly atomic?: boolean;
}
export interface DestroyRequest {
  readonly names: readonly string[];
  readonly atomic?: boolean;
}

export interface ApiErrorInfo {
  /** Stable upper-case name, such as `UNIT_EXISTS`. */
  readonly name: string;
  readonly kind: 'invalid' | 'not-found' | 'conflict' | 'unavailable' | 'internal';
  readonly message: string;
  readonly remedy?: string;
}
export interface UnitResult {
  readonly name: string;
  readonly outcome: 'created' | 'replaced' | 'changed' | 'unchanged' | 'destroyed' | 'failed' | 'not-attempted';
  /** The unit's generation afterwards; absent when it failed or is gone. */
  readonly generation?: number;
  readonly error?: ApiErrorInfo;
}
export interface BulkResult {
  /** Revision that holds all of it; give it as `Fleet-Min-Revision` to read this write anywhere. */
  readonly revision: number;
  /** Whether no unit failed. */
  readonly ok: boolean;
  /** In the order of the request. */
  readonly results: readonly UnitResult[];
}
