import type { TargetState } from '@fleet/model';

/** One line of a unit file on the wire; empty members are left out. */
export interface V1UnitOption {
  readonly name?: string;
  readonly section?: string;
  readonly value?: string;
}

/** A unit as API v1 shows it. `machineID` is absent while it has no machine; a single global unit has no `currentState`. */
export interface V1Unit {
  readonly currentState?: TargetState;
  readonly desiredState?: TargetState;
  readonly machineID?: string;
  readonly name?: string;
  readonly options?: readonly V1UnitOption[];
}

export interface V1UnitPage {
  readonly nextPageToken?: string;
  readonly units?: readonly V1Unit[];
}

/** What one machine reports of one unit. */
export interface V1UnitState {
  readonly hash?: string;
  readonly machineID?: string;
  readonly name?: string;
  readonly systemdActiveState?: string;
  readonly systemdLoadState?: string;
  readonly systemdSubState?: string;
}

export interface V1UnitStatePage {
  readonly nextPageToken?: string;
  readonly states?: readonly V1UnitState[];
}

export interface V1Machine {
  readonly id?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly primaryIP?: string;
}

export interface V1MachinePage {
  readonly machines?: readonly V1Machine[];
  readonly nextPageToken?: string;
}

/** Body of `PUT units/{name}`. */
export interface V1UnitBody {
  readonly name?: string;
  readonly options?: readonly V1UnitOption[];
  readonly desiredState?: string;
}

/** One entry of the body of `PATCH machines`; `value` is a string or, as original clients send it, `{value: string}`. */
export interface V1MetadataOperation {
  readonly op: 'add' | 'replace' | 'remove';
  /** `/<machine id>/metadata/<key>` */
  readonly path: string;
  readonly value?: string | { readonly value: string };
}

/** Error entity of both versions; version 2 adds the members after `message`. */
export interface ErrorEntity {
  readonly error: {
    /** The HTTP status. */
    readonly code: number;
    /** May be empty in version 1. */
    readonly message: string;
    /** Stable upper-case name, such as `UNIT_NOT_FOUND`. */
    readonly name?: string;
    readonly remedy?: string;
  };
}
