import { spawn, type ChildProcess } from 'node:child_process';

import type { Clock } from '@fleet/runtime';

import { isGroupAlive, killGroup, killProcess, processStartedAt } from './process-info.ts';

/** How a process ended. `unknown` is one we could only watch from outside. */
export type ExitInfo = { readonly kind: 'code'; readonly code: number } | { readonly kind: 'signal'; readonly signal: NodeJS.Signals } | { readonly kind: 'unknown' };

/** What systemd reports when a command cannot be executed at all: 203/EXEC, 200/CHDIR. */
export const EXIT_EXEC = 203;
export const EXIT_CHDIR = 200;

export interface SpawnRequest {
  readonly path: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdout: number | 'ignore';
  readonly stderr: number | 'ignore';
}

const ADOPTED_POLL_MS = 250;

/** A command with everything it started, in a session and process group of its own. Its id is the leader's process id. */
export class ProcessGroup {
  readonly id: number;
  /** Resolves when the leader has ended; the rest of the group may go on. */
  readonly exited: Promise<ExitInfo>;
  readonly #child: ChildProcess | undefined;
  #leaderGone = false;

  private constructor(id: number, exited: Promise<ExitInfo>, child?: ChildProcess) {
    this.id = id;
    this.exited = exited;
    this.#child = child;
    void exited.then(() => {
      this.#leaderGone = true;
    });
  }

  get leaderGone(): boolean {
    return this.#leaderGone;
  }

  /** Starts a command; an exit info instead of a group if it cannot be executed. */
  static async spawn(request: SpawnRequest): Promise<ProcessGroup | { readonly failed: ExitInfo; readonly error: Error }> {
    let child: ChildProcess;
    try {
      child = spawn(request.path, request.argv.slice(1), {
        argv0: request.argv[0],
        env: request.environment,
        cwd: request.cwd,
        detached: true,
        stdio: ['ignore', request.stdout, request.stderr],
      });
    } catch (error) {
      return { failed: { kind: 'code', code: EXIT_EXEC }, error: error as Error };
    }
    const exited = new Promise<ExitInfo>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal }));
    });
    if (child.pid !== undefined) {
      child.on('error', () => undefined);
      return new ProcessGroup(child.pid, exited, child);
    }
    const error = await new Promise<Error>((resolve) => child.once('error', resolve));
    return { failed: { kind: 'code', code: EXIT_EXEC }, error };
  }

  /** Takes over a group that a former manager started; its end is seen by looking. */
  static adopt(id: number, startedAt: string, clock: Clock, signal: AbortSignal): ProcessGroup {
    const watch = async (): Promise<ExitInfo> => {
      while ((await processStartedAt(id)) === startedAt && isGroupAlive(id)) await clock.sleep(ADOPTED_POLL_MS, { signal, unref: true });
      return { kind: 'unknown' };
    };
    const exited = watch().catch((): ExitInfo => ({ kind: 'unknown' }));
    return new ProcessGroup(id, exited);
  }

  /** Whether any process of it is left. Looks through all processes of the machine only once the leader has gone. */
  get alive(): boolean {
    return (this.#child !== undefined && !this.#leaderGone) || isGroupAlive(this.id);
  }

  killAll(signal: NodeJS.Signals): void {
    killGroup(this.id, signal);
  }

  killLeader(signal: NodeJS.Signals): void {
    if (this.#child !== undefined) this.#child.kill(signal);
    else killProcess(this.id, signal);
  }

  /** Leaves the group to itself: it no longer keeps this process from ending. */
  abandon(): void {
    this.#child?.unref();
  }
}
