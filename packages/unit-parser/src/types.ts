/** One `name=value` line of a unit file, with the section it stands in. */
export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/** An option with its place: 1-based line and column of the first character of its name. */
export interface LocatedUnitOption extends UnitOption {
  readonly line: number;
  readonly column: number;
}

/** What the `[X-Fleet]` section of a unit asks for, specifiers filled in. Lists keep the original fleet's order. */
export interface Requirements {
  /** Required machine id, or its first eight characters; `null` if any machine will do. May be empty, which no machine meets. */
  readonly machineId: string | null;
  /** Names of units that must be on the same machine. */
  readonly machineOf: readonly string[];
  /** Glob patterns of units that must not be on the same machine. */
  readonly conflicts: readonly string[];
  /** Glob patterns of units that have to leave the machine. */
  readonly replaces: readonly string[];
  /** Allowed values by metadata key: all keys must hold (AND), any of the values of a key will do (OR). */
  readonly metadata: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether the unit runs on every machine that fits. */
  readonly global: boolean;
}

export type Severity = 'error' | 'warning' | 'info';

/** A finding about a unit file, as data: an editor or `fleetctl verify` makes the text around it. */
export interface Diagnostic {
  /** Stable kebab-case name, such as `unknown-option`. */
  readonly code: string;
  readonly severity: Severity;
  /** 1-based; 1 when the finding concerns the whole file or its name. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}
