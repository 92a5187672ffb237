import type { Command } from './command-line.ts';

export type ServiceType = 'simple' | 'exec' | 'oneshot';
export type RestartPolicy = 'no' | 'always' | 'on-success' | 'on-failure' | 'on-abnormal' | 'on-abort';
export type KillMode = 'control-group' | 'mixed' | 'process';

/** Where output goes; `log` is the unit's log file. */
export type OutputTarget =
  | { readonly kind: 'log' }
  | { readonly kind: 'null' }
  | { readonly kind: 'same' }
  | { readonly kind: 'file'; readonly path: string; readonly mode: 'write' | 'append' | 'truncate' };

/** A set of exit codes and signal names. */
export interface ExitStatusSet {
  readonly codes: ReadonlySet<number>;
  readonly signals: ReadonlySet<string>;
}

/** A service file with everything filled in that does not change from start to start. Times are milliseconds, `Infinity` for no limit. */
export interface ServiceSpec {
  readonly description: string;
  readonly type: ServiceType;
  readonly remainAfterExit: boolean;
  readonly startPre: readonly Command[];
  readonly start: readonly Command[];
  readonly startPost: readonly Command[];
  readonly stop: readonly Command[];
  readonly stopPost: readonly Command[];
  readonly restart: RestartPolicy;
  readonly restartMs: number;
  readonly restartPrevent: ExitStatusSet;
  readonly restartForce: ExitStatusSet;
  readonly success: ExitStatusSet;
  readonly startLimit: { readonly intervalMs: number; readonly burst: number };
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly killMode: KillMode;
  readonly killSignal: NodeJS.Signals;
  readonly finalKillSignal: NodeJS.Signals;
  readonly sendSigkill: boolean;
  readonly sendSighup: boolean;
  readonly workingDirectory: { readonly path: string; readonly mayBeMissing: boolean } | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly environmentFiles: readonly { readonly path: string; readonly mayBeMissing: boolean }[];
  readonly passEnvironment: readonly string[];
  readonly unsetEnvironment: readonly string[];
  readonly stdout: OutputTarget;
  readonly stderr: OutputTarget;
}
