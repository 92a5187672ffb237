import type { Clock } from '@fleet/runtime';

import type { JobResult, LocalUnitState } from '../unit-manager.ts';
import type { CommandRunner } from './command-runner.ts';
import { describeExit, shallRestart } from './exit-status.ts';
import type { ExitInfo, ProcessGroup } from './process-group.ts';
import type { RunRecord } from './run-record.ts';
import { ServiceRun, type RunSub } from './service-run.ts';
import type { ServiceSpec } from './service-spec.ts';
import { StartLimit } from './start-limit.ts';

type Sub = RunSub | 'dead' | 'failed' | 'auto-restart';

const ACTIVE: Readonly<Record<Sub, string>> = {
  'dead': 'inactive',
  'failed': 'failed',
  'auto-restart': 'activating',
  'start-pre': 'activating',
  'start': 'activating',
  'start-post': 'activating',
  'running': 'active',
  'exited': 'active',
  'stop': 'deactivating',
  'stop-sigterm': 'deactivating',
  'stop-sigkill': 'deactivating',
  'stop-post': 'deactivating',
  'final-sigterm': 'deactivating',
  'final-sigkill': 'deactivating',
};

export interface ServiceOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly runner: CommandRunner;
  /** State or process groups changed. */
  readonly changed: (service: Service) => void;
  readonly note: (text: string) => void;
}

interface Job {
  readonly kind: 'start' | 'stop';
  readonly results: ((result: JobResult) => void)[];
}

/** One service over its lives: jobs, restarts, and the state between. A new job replaces one of the other kind. */
export class Service {
  readonly name: string;
  readonly #options: ServiceOptions;
  readonly #limit = new StartLimit();
  #spec: ServiceSpec;
  #sub: Sub = 'dead';
  #result = 'success';
  /** How the last main process ended; shown with a failure. */
  #exit: ExitInfo | undefined;
  #run: ServiceRun | undefined;
  #cycle: Promise<void> | undefined;
  #job: Job | undefined;
  /** A start that came while the service was stopping. */
  #startAgain = false;
  /** Ends the wait for the next automatic restart; true to start, false to give up. */
  #wake: ((start: boolean) => void) | undefined;
  #abandoned = false;

  constructor(spec: ServiceSpec, options: ServiceOptions) {
    this.name = options.name;
    this.#spec = spec;
    this.#options = options;
  }

  /** Whether it does anything, so that systemd would keep what it read of its file until told to reload. */
  get held(): boolean {
    return this.#cycle !== undefined || ACTIVE[this.#sub] !== 'inactive';
  }

  get busy(): boolean {
    return this.#cycle !== undefined;
  }

  get groups(): readonly ProcessGroup[] {
    return [...(this.#run?.groups ?? [])];
  }

  get main(): ProcessGroup | undefined {
    return this.#run?.mainExit === undefined ? this.#run?.main : undefined;
  }

  get state(): LocalUnitState {
    const active = ACTIVE[this.#sub];
    const exit = active === 'failed' || this.#sub === 'auto-restart' ? this.#exit : undefined;
    return { load: 'loaded', active, sub: this.#sub, result: this.#result, ...(exit === undefined ? {} : { exit: describeExit(exit) }) };
  }

  /** What the next start goes by. */
  setSpec(spec: ServiceSpec): void {
    this.#spec = spec;
  }

  start(): Promise<JobResult> {
    const result = this.#newJob('start');
    if (this.#sub === 'auto-restart') this.#wake?.(true);
    else if (ACTIVE[this.#sub] === 'active') this.#finish('done');
    else if (ACTIVE[this.#sub] === 'deactivating' || this.#run?.stopRequested === true) this.#startAgain = true;
    else this.#begin();
    return result;
  }

  stop(): Promise<JobResult> {
    const result = this.#newJob('stop');
    this.#startAgain = false;
    if (this.#cycle === undefined) this.#finish('done');
    this.#wake?.(false);
    this.#run?.requestStop();
    return result;
  }

  resetFailed(): void {
    this.#limit.reset();
    if (this.#sub === 'failed') this.#enter('dead', 'success');
  }

  /** Goes on with what a former manager left: a running main process, a state to remember, or a restart that is due. */
  adopt(record: RunRecord, main: ProcessGroup | undefined, others: readonly ProcessGroup[]): void {
    this.#result = record.result;
    if (main !== undefined || record.sub === 'exited') {
      this.#begin({ main, others });
      return;
    }
    // Commands before and after a main process that is gone have nobody to work for.
    for (const group of others) group.killAll('SIGKILL');
    const wasUp = record.active === 'active' || record.sub === 'auto-restart';
    if (wasUp && shallRestart(this.#spec, record.result, undefined)) this.#begin();
    else this.#sub = record.active === 'failed' || record.active === 'activating' ? 'failed' : 'dead';
  }

  /** Stops, kills after `graceMs`, and waits until everything is gone. */
  async end(graceMs: number): Promise<void> {
    const cycle = this.#cycle;
    if (cycle === undefined) return;
    const cancel = this.#options.clock.schedule(graceMs, () => this.#run?.killNow());
    void this.stop();
    await cycle;
    cancel();
  }

  /** Lets go of it: the processes run on and nothing more is reported. */
  abandon(): void {
    this.#abandoned = true;
    this.#wake?.(false);
    for (const group of this.groups) group.abandon();
    this.#finish('canceled');
  }

  #begin(adopted?: Parameters<ServiceRun['run']>[0]): void {
    if (this.#cycle !== undefined) return;
    this.#cycle = this.#live(adopted).finally(() => {
      this.#cycle = undefined;
      this.#run = undefined;
      this.#changed();
    });
  }

  async #live(adopted: Parameters<ServiceRun['run']>[0]): Promise<void> {
    for (let first = adopted; ; first = undefined) {
      const spec = this.#spec;
      if (first === undefined && !this.#limit.take(spec.startLimit, this.#options.clock.monotonic())) {
        this.#options.note('start limit hit: it was started too often in too short a time');
        this.#enter('failed', 'start-limit-hit');
        return;
      }
      const run = this.#newRun(spec);
      await run.run(first);
      if (run.result === 'success') this.#options.note('ended');
      else this.#options.note(`failed with result ${run.result}`);
      this.#enter(run.result === 'success' ? 'dead' : 'failed', run.result);
      if (this.#startAgain) {
        this.#startAgain = false;
        continue;
      }
      if (run.stopRequested || this.#abandoned || !shallRestart(spec, run.result, run.mainExit)) return;
      if (!(await this.#waitForRestart(spec.restartMs))) return;
    }
  }

  #newRun(spec: ServiceSpec): ServiceRun {
    const { clock, runner, note } = this.#options;
    this.#run = new ServiceRun({
      spec,
      clock,
      runner,
      note,
      entered: (sub) => {
        // A result is shown while it happens; a new life starts with a clean one.
        if (sub !== this.#sub) this.#enter(sub, this.#run?.result ?? 'success');
      },
      groupsChanged: () => this.#changed(),
    });
    this.#exit = undefined;
    this.#options.note(`starting: ${spec.description}`);
    return this.#run;
  }

  async #waitForRestart(ms: number): Promise<boolean> {
    this.#enter('auto-restart', this.#result);
    const start = await new Promise<boolean>((resolve) => {
      const cancel = ms === Infinity ? (): void => undefined : this.#options.clock.schedule(ms, () => resolve(true));
      this.#wake = (value) => {
        cancel();
        resolve(value);
      };
    });
    this.#wake = undefined;
    if (!start) this.#enter('dead', this.#result);
    return start;
  }

  #enter(sub: Sub, result: string): void {
    if (this.#abandoned) return;
    this.#sub = sub;
    this.#result = result;
    this.#exit = this.#run?.mainExit ?? this.#exit;
    const active = ACTIVE[sub];
    if (this.#job?.kind === 'start') {
      if (active === 'active') this.#finish('done');
      else if (active === 'failed') this.#finish('failed');
      else if (active === 'inactive' && !this.#startAgain) this.#finish('done');
    } else if (active === 'inactive' || active === 'failed') {
      this.#finish('done');
    }
    this.#changed();
  }

  #changed(): void {
    if (!this.#abandoned) this.#options.changed(this);
  }

  #newJob(kind: Job['kind']): Promise<JobResult> {
    if (this.#job !== undefined && this.#job.kind !== kind) this.#finish('canceled');
    this.#job ??= { kind, results: [] };
    const { results } = this.#job;
    return new Promise((resolve) => {
      results.push(resolve);
    });
  }

  #finish(result: JobResult): void {
    const job = this.#job;
    this.#job = undefined;
    for (const resolve of job?.results ?? []) resolve(result);
  }
}
