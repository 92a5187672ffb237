import { describeError, type Clock } from '@fleet/runtime';

import type { Command } from './command-line.ts';
import type { CommandRunner } from './command-runner.ts';
import { describeExit, isCleanExit, resultOf } from './exit-status.ts';
import { ProcessGroup, type ExitInfo } from './process-group.ts';
import type { ServiceSpec } from './service-spec.ts';

/** systemd's sub states of a service between dead and dead. */
export type RunSub =
  | 'start-pre'
  | 'start'
  | 'start-post'
  | 'running'
  | 'exited'
  | 'stop'
  | 'stop-sigterm'
  | 'stop-sigkill'
  | 'stop-post'
  | 'final-sigterm'
  | 'final-sigkill';

export interface ServiceRunOptions {
  readonly spec: ServiceSpec;
  readonly clock: Clock;
  readonly runner: CommandRunner;
  readonly entered: (sub: RunSub) => void;
  /** Groups were added or have gone. */
  readonly groupsChanged: () => void;
  readonly note: (text: string) => void;
}

type Outcome = ExitInfo | 'timeout' | 'stopped';

const FIRST_POLL_MS = 5;
const LAST_POLL_MS = 100;
/** Longest span a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One life of a service, from its first command to the last process of it. Source: systemd src/core/service.c. */
export class ServiceRun {
  /** systemd's `Result`. */
  result = 'success';
  main: ProcessGroup | undefined;
  mainExit: ExitInfo | undefined;
  readonly groups = new Set<ProcessGroup>();
  readonly #options: ServiceRunOptions;
  readonly #stop = new AbortController();
  #environment: Record<string, string> = {};

  constructor(options: ServiceRunOptions) {
    this.#options = options;
  }

  get stopRequested(): boolean {
    return this.#stop.signal.aborted;
  }

  requestStop(): void {
    this.#stop.abort();
  }

  killNow(): void {
    for (const group of this.groups) group.killAll('SIGKILL');
  }

  /** Resolves when nothing of the service is left (or what is left cannot be killed). `adopted` are groups of a former manager. */
  async run(adopted?: { readonly main: ProcessGroup | undefined; readonly others: readonly ProcessGroup[] }): Promise<void> {
    const { spec } = this.#options;
    let up: boolean;
    if (adopted === undefined) {
      up = await this.#startUp();
    } else {
      this.main = adopted.main;
      for (const group of [adopted.main, ...adopted.others]) {
        if (group !== undefined) this.groups.add(group);
      }
      this.#environment = await this.#options.runner.environmentOf(spec).catch(() => ({}));
      up = true;
    }
    if (up) await this.#whileUp();
    if (up && this.result === 'success') await this.#execAll('stop', spec.stop, spec.stopTimeoutMs);
    await this.#terminate('stop-sigterm', 'stop-sigkill', spec.killSignal);
    await this.#execAll('stop-post', spec.stopPost, spec.stopTimeoutMs);
    await this.#terminate('final-sigterm', 'final-sigkill', spec.killSignal);
  }

  async #startUp(): Promise<boolean> {
    const { spec, runner } = this.#options;
    try {
      this.#environment = await runner.environmentOf(spec);
    } catch (error) {
      return this.#fail('resources', describeError(error));
    }
    if (!(await this.#execAll('start-pre', spec.startPre, spec.startTimeoutMs, this.#stop.signal))) return false;
    if (this.stopRequested) return false;
    this.#options.entered('start');
    for (const [index, command] of spec.start.entries()) {
      if (!(await this.#startMain(command, index === spec.start.length - 1))) return false;
    }
    return this.#execAll('start-post', spec.startPost, spec.startTimeoutMs, this.#stop.signal);
  }

  async #startMain(command: Command, last: boolean): Promise<boolean> {
    const { spec } = this.#options;
    this.mainExit = undefined;
    const group = await this.#spawn(command, last);
    if (group === undefined) {
      // As in systemd a simple service counts as started before its command is executed.
      if (spec.type === 'simple') this.#options.entered('running');
      return command.ignoreFailure;
    }
    if (spec.type !== 'oneshot') {
      void group.exited.then((exit) => this.#noteMain(exit, command.ignoreFailure));
      return true;
    }
    const outcome = await this.#outcome(group, spec.startTimeoutMs, this.#stop.signal);
    if (outcome === 'stopped') return false;
    if (outcome === 'timeout') return this.#fail('timeout', `start took longer than ${spec.startTimeoutMs / 1000} s`);
    this.#noteMain(outcome, command.ignoreFailure);
    return this.result === 'success';
  }

  async #whileUp(): Promise<void> {
    const { spec } = this.#options;
    if (this.main !== undefined && this.mainExit === undefined) {
      this.#options.entered('running');
      const exit = await this.#outcome(this.main, Infinity, this.#stop.signal);
      if (typeof exit === 'string') return;
      this.#noteMain(exit, false);
    }
    if (this.result !== 'success' || !spec.remainAfterExit || this.stopRequested) return;
    this.#options.entered('exited');
    await new Promise<void>((resolve) => this.#stop.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #noteMain(exit: ExitInfo, ignoreFailure: boolean): void {
    if (this.mainExit !== undefined) return;
    const { spec } = this.#options;
    this.mainExit = exit;
    const clean = ignoreFailure || isCleanExit(exit, spec, spec.type === 'oneshot' ? 'command' : 'daemon');
    if (!clean) this.#fail(resultOf(exit), `main process ${describeExit(exit)}`);
  }

  /** Runs commands one after the other; false if one failed, took too long or a stop came. */
  async #execAll(sub: RunSub, commands: readonly Command[], timeoutMs: number, stop?: AbortSignal): Promise<boolean> {
    for (const command of commands) {
      if (stop?.aborted === true) return false;
      this.#options.entered(sub);
      const group = await this.#spawn(command, false);
      if (group === undefined) {
        if (command.ignoreFailure) continue;
        return false;
      }
      const outcome = await this.#outcome(group, timeoutMs, stop);
      if (outcome === 'stopped') return false;
      if (outcome === 'timeout') return this.#fail('timeout', `${command.path} of ${sub} took longer than ${timeoutMs / 1000} s`);
      if (!command.ignoreFailure && !isCleanExit(outcome, this.#options.spec, 'command')) {
        return this.#fail(resultOf(outcome), `${command.path} of ${sub} ${describeExit(outcome)}`);
      }
    }
    return true;
  }

  async #spawn(command: Command, asMain: boolean): Promise<ProcessGroup | undefined> {
    const { runner, spec } = this.#options;
    const group = await runner.spawn(command, spec, { ...this.#environment, ...this.#stageEnvironment() });
    if (!(group instanceof ProcessGroup)) {
      if (!command.ignoreFailure) this.#fail(resultOf(group.failed), `cannot start ${command.path}: ${group.why}`);
      return undefined;
    }
    this.groups.add(group);
    if (asMain) this.main = group;
    this.#options.groupsChanged();
    return group;
  }

  /** Source: systemd.exec(5), `$MAINPID`, `$SERVICE_RESULT`, `$EXIT_CODE`, `$EXIT_STATUS`. */
  #stageEnvironment(): Record<string, string> {
    const environment: Record<string, string> = { SERVICE_RESULT: this.result };
    if (this.main !== undefined && this.mainExit === undefined) environment['MAINPID'] = String(this.main.id);
    if (this.mainExit?.kind === 'code') Object.assign(environment, { EXIT_CODE: 'exited', EXIT_STATUS: String(this.mainExit.code) });
    if (this.mainExit?.kind === 'signal') Object.assign(environment, { EXIT_CODE: 'killed', EXIT_STATUS: this.mainExit.signal.replace(/^SIG/, '') });
    return environment;
  }

  async #terminate(termSub: RunSub, killSub: RunSub, signal: NodeJS.Signals): Promise<void> {
    const { spec } = this.#options;
    if (this.#targets().length > 0) {
      this.#options.entered(termSub);
      this.#signal(signal, spec.killMode !== 'control-group');
      if (spec.sendSighup) this.#signal('SIGHUP', spec.killMode !== 'control-group');
      this.#signal('SIGCONT', spec.killMode !== 'control-group');
      if (!(await this.#gone(spec.stopTimeoutMs))) {
        this.#fail('timeout', `did not end within ${spec.stopTimeoutMs / 1000} s of ${signal}`);
        if (spec.sendSigkill) {
          this.#options.entered(killSub);
          this.#signal(spec.finalKillSignal, spec.killMode === 'process');
          if (!(await this.#gone(spec.stopTimeoutMs))) this.#options.note('processes are still there after the last signal; ignoring them');
        }
      }
    }
    if (this.main !== undefined && this.mainExit === undefined && !this.main.alive) this.#noteMain(await this.main.exited, false);
    for (const group of this.groups) {
      if (!group.alive) this.groups.delete(group);
    }
    this.#options.groupsChanged();
  }

  /** What has to end before the service has. */
  #targets(): ProcessGroup[] {
    if (this.#options.spec.killMode === 'process') return this.main !== undefined && this.mainExit === undefined && !this.main.leaderGone ? [this.main] : [];
    return [...this.groups].filter((group) => group.alive);
  }

  #signal(signal: NodeJS.Signals, leaderOnly: boolean): void {
    for (const group of this.groups) {
      if (!leaderOnly) group.killAll(signal);
      else if (group === this.main && !group.leaderGone) group.killLeader(signal);
      else if (group !== this.main && this.#options.spec.killMode === 'mixed') group.killAll(signal);
    }
  }

  async #gone(withinMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + withinMs;
    for (let pollMs = FIRST_POLL_MS; this.#targets().length > 0; pollMs = Math.min(LAST_POLL_MS, pollMs * 1.5)) {
      const leftMs = deadline - clock.monotonic();
      if (leftMs <= 0) return false;
      await clock.sleep(Math.min(pollMs, leftMs));
    }
    return true;
  }

  async #outcome(group: ProcessGroup, timeoutMs: number, stop: AbortSignal | undefined): Promise<Outcome> {
    let finish: (outcome: Outcome) => void = () => undefined;
    const waiting = new Promise<Outcome>((resolve) => {
      finish = resolve;
    });
    const onStop = (): void => finish('stopped');
    if (stop?.aborted === true) onStop();
    stop?.addEventListener('abort', onStop, { once: true });
    const cancel = timeoutMs > MAX_TIMER_MS ? undefined : this.#options.clock.schedule(timeoutMs, () => finish('timeout'));
    void group.exited.then(finish);
    try {
      return await waiting;
    } finally {
      cancel?.();
      stop?.removeEventListener('abort', onStop);
    }
  }

  /** Keeps the first failure, as systemd does; always false, so that it can be returned. */
  #fail(result: string, why: string): false {
    this.#options.note(why);
    if (this.result === 'success') this.result = result;
    return false;
  }
}
