import type { FleetClient } from '@fleet/api-client/fast';
import type { Flags } from './definition.ts';

/** Where a command writes. */
export interface Output {
  write(text: string): void;
  /** Whether a person is looking. */
  readonly isTerminal: boolean;
  /** Width in characters; 80 if unknown. */
  readonly columns: number;
  /** Height in lines; 24 if unknown. */
  readonly rows: number;
}

/** All of the world that a command sees. */
export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether standard input is a terminal. */
  readonly stdinIsTerminal: boolean;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** The cluster, connected to when first asked. @throws FleetError `CLIENT_NOT_INITIALIZED` */
  readonly client: () => Promise<FleetClient>;
  /** Runs a program with the streams of this one. */
  readonly spawn: SpawnProgram;
  /** What to say when Ctrl-C ends the command; commands that have changed something set it. */
  interruption: string | undefined;
}

export type SpawnProgram = (program: string, args: readonly string[], options?: SpawnOptions) => Promise<ProgramResult>;

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** `inherit`: all streams are ours; `capture`: output is returned, standard input is empty. */
  readonly streams?: 'inherit' | 'capture';
  /** Called with each piece of output instead of returning it. */
  readonly onOutput?: (text: string, from: 'stdout' | 'stderr') => void;
  readonly signal?: AbortSignal;
}

export interface ProgramResult {
  /** Exit code; 128 and the signal's number when killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type { Flags };
