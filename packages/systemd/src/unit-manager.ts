/** systemd's words for a unit; `load` is `not-found` for one it does not know. */
export interface LocalUnitState {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  /** systemd's `Result` of the unit's type where it has one (`success`, `exit-code`, …). */
  readonly result?: string;
  /** How the main process of a failed service ended: `exited with status 1`, `was killed by SIGKILL`. */
  readonly exit?: string;
}

/** A unit file that fleet put on this machine. */
export interface LocalUnitFile {
  readonly name: string;
  /** SHA-1 of the file's bytes as they are now, hand edits included. */
  readonly hash: string;
}

export type JobResult = 'done' | 'canceled' | 'timeout' | 'failed' | 'dependency' | 'skipped';

/** A start or stop that was accepted. */
export interface UnitJob {
  /** How it ended. Never rejects: a lost connection counts as `canceled`. */
  readonly result: Promise<JobResult>;
}

export type UnitManagerEvent =
  /** A unit of ours may have changed; its state now. */
  | { readonly kind: 'state'; readonly name: string; readonly state: LocalUnitState }
  /** The connection is gone: states are unknown until `restored`. */
  | { readonly kind: 'lost' }
  /** The connection is back: read everything again. */
  | { readonly kind: 'restored' };

export interface UnitCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The units of this machine: systemd over D-Bus (`systemd/dbus`), child processes (`systemd/process`) or a state
 * machine in memory (`systemd/memory`); all pass `describeUnitManagerContract`. Calls for one unit are made one after
 * the other by the caller; calls for different units may run side by side.
 *
 * Failures are FleetErrors: `UNIT_REFUSED` (kind invalid: systemd or the adapter will not have this unit, the message
 * says why), `SYSTEMD_UNAVAILABLE` (kind unavailable), `SYSTEMD_TIMEOUT` (kind unavailable), `UNIT_FILE_WRITE` (kind
 * internal, cause is the file error). Abort reasons pass through unwrapped.
 */
export interface UnitManager extends AsyncDisposable {
  /** Directory with `<unit>.log` for the output of each unit; none where the journal has it. */
  readonly logDirectory?: string;
  /** Unit files of recognised types in the units directory. */
  listFiles(options?: UnitCallOptions): Promise<readonly LocalUnitFile[]>;
  /** The text of a unit's file as it is now, hand edits included; `undefined` if there is none. */
  readFile(name: string, options?: UnitCallOptions): Promise<string | undefined>;
  /** States of the named units, one call however many. A unit unknown to systemd has `load: 'not-found'`. */
  readStates(names: readonly string[], options?: UnitCallOptions): Promise<ReadonlyMap<string, LocalUnitState>>;
  /** Writes the unit file (beside and renamed), links it and enables what `[Install]` asks for. On failure nothing is left behind. */
  load(name: string, text: string, options?: UnitCallOptions): Promise<void>;
  /** Disables, forgets failures, removes link and file. The unit should be stopped; one that systemd does not know is no error. */
  unload(name: string, options?: UnitCallOptions): Promise<void>;
  /** Makes systemd read changed files if it says it has to. Call after a batch of loads and unloads, before starting. */
  reloadIfNeeded(options?: UnitCallOptions): Promise<void>;
  /** Asks for a start; resolves when the job is accepted. Throws `UNIT_REFUSED` when it is not. */
  start(name: string, options?: UnitCallOptions): Promise<UnitJob>;
  /** Asks for a stop; resolves when the job is accepted. A unit systemd does not know counts as stopped: result `done`. */
  stop(name: string, options?: UnitCallOptions): Promise<UnitJob>;
  /** State changes of units loaded through this manager, and losses of the connection. Ends with the signal (throws its reason). */
  events(options: { readonly signal: AbortSignal }): AsyncIterable<UnitManagerEvent>;
}
