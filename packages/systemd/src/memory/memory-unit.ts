import type { Clock } from '@fleet/runtime';

import type { JobResult, LocalUnitState } from '../unit-manager.ts';
import { unitTypeOf } from '../unit-types.ts';
import { lastOf, listOf, readUnitText, type UnitText } from '../unit-text.ts';
import { ignoresTerm, programOf, type MemoryProgram } from './memory-program.ts';

const RUNNING_SUB = {
  service: 'running',
  socket: 'listening',
  timer: 'waiting',
  path: 'waiting',
  device: 'plugged',
  mount: 'mounted',
  automount: 'waiting',
  target: 'active',
  slice: 'active',
  swap: 'active',
} as const;

const DEFAULT_STOP_TIMEOUT_MS = 90_000;
const DEFAULT_RESTART_MS = 100;

/** What tests may hold up in a unit. */
export interface MemoryFaults {
  hangStart: boolean;
  hangStop: boolean;
}

interface Job {
  readonly kind: 'start' | 'stop';
  readonly finish: (result: JobResult) => void;
}

/**
 * One unit of the memory systemd: activating, active, deactivating, inactive, failed, with one job at a time (a new
 * one replaces it, as systemd's mode `replace`).
 */
export class MemoryUnit {
  readonly name: string;
  readonly faults: MemoryFaults = { hangStart: false, hangStop: false };
  /** How often its commands were run. */
  starts = 0;
  active = 'inactive';
  sub = 'dead';
  result = 'success';
  readonly #clock: Clock;
  readonly #changed: (unit: MemoryUnit) => void;
  #text: string;
  #unit: UnitText;
  #job: Job | undefined;
  #startAfterStop = false;
  #stopResult = 'success';
  #cancelTimer: () => void = () => undefined;

  constructor(name: string, text: string, clock: Clock, changed: (unit: MemoryUnit) => void) {
    this.name = name;
    this.#clock = clock;
    this.#changed = changed;
    this.#text = text;
    this.#unit = readUnitText(text);
  }

  /** The text systemd works by; the file may say something newer. */
  get text(): string {
    return this.#text;
  }

  /** Whether systemd would keep it in memory, so that a changed file needs a reload. */
  get held(): boolean {
    return this.active !== 'inactive' || this.#job !== undefined;
  }

  get state(): LocalUnitState {
    return { load: this.problem === undefined ? 'loaded' : 'bad-setting', active: this.active, sub: this.sub, result: this.result };
  }

  /** Why systemd would not start it at all. */
  get problem(): string | undefined {
    if (unitTypeOf(this.name) !== 'service' || listOf(this.#unit, 'Service', 'ExecStart').length > 0) return undefined;
    const exited = lastOf(this.#unit, 'Service', 'RemainAfterExit')?.value;
    return exited === 'yes' && listOf(this.#unit, 'Service', 'ExecStop').length > 0 ? undefined : `Unit ${this.name} has a bad unit file setting.`;
  }

  get #unitType(): string | undefined {
    return lastOf(this.#unit, 'Service', 'Type')?.value;
  }

  reread(text: string): void {
    this.#text = text;
    this.#unit = readUnitText(text);
  }

  start(): Promise<JobResult> {
    const result = this.#newJob('start');
    if (this.active === 'deactivating') this.#startAfterStop = true;
    else if (this.active === 'active') this.#finish('done');
    else if (this.active !== 'activating' || this.sub === 'auto-restart') this.#run();
    return result;
  }

  stop(): Promise<JobResult> {
    const result = this.#newJob('stop');
    this.#startAfterStop = false;
    if (this.active === 'active' || this.active === 'activating') this.#terminate();
    else if (this.active !== 'deactivating') this.#finish('done');
    return result;
  }

  /** The main process ends by itself. */
  exit(exitCode: number): void {
    if (this.active !== 'active' && this.active !== 'activating') throw new Error(`${this.name} has no process: it is ${this.active} (${this.sub})`);
    this.#ended(exitCode === 0 ? 'success' : 'exit-code');
  }

  fail(result: string): void {
    this.#stopTimer();
    this.#set('failed', 'failed', result);
    this.#finish('failed');
  }

  resetFailed(): void {
    if (this.active === 'failed') this.#set('inactive', 'dead', 'success');
  }

  /** Lets a start or stop that was held up go on. */
  release(): void {
    this.faults.hangStart = false;
    this.faults.hangStop = false;
    if (this.active === 'activating' && this.sub === 'start') this.#started();
    else if (this.active === 'deactivating') this.#stopped();
  }

  /** The power goes: no timers, no jobs, no state. */
  powerOff(): void {
    this.#stopTimer();
    this.#finish('canceled');
    this.active = 'inactive';
    this.sub = 'dead';
    this.result = 'success';
  }

  #newJob(kind: Job['kind']): Promise<JobResult> {
    if (this.#job !== undefined && this.#job.kind !== kind) this.#finish('canceled');
    const before = this.#job;
    return new Promise((resolve) => {
      this.#job = {
        kind,
        finish: (result) => {
          before?.finish(result);
          resolve(result);
        },
      };
    });
  }

  #finish(result: JobResult): void {
    const job = this.#job;
    this.#job = undefined;
    job?.finish(result);
  }

  #run(): void {
    this.#stopTimer();
    this.starts += 1;
    this.#set('activating', 'start', 'success');
    if (!this.faults.hangStart) this.#started();
  }

  #started(): void {
    const type = unitTypeOf(this.name) ?? 'service';
    if (type !== 'service') {
      this.#set('active', RUNNING_SUB[type], 'success');
      this.#finish('done');
      return;
    }
    const program = programOf(this.#unit);
    if (this.#unitType !== 'oneshot') {
      this.#set('active', 'running', 'success');
      this.#finish('done');
    }
    this.#wait(program);
  }

  #wait(program: MemoryProgram): void {
    if (program.runsMs === undefined) return;
    const end = (): void => this.#ended(program.exitCode === 0 ? 'success' : 'exit-code');
    if (program.runsMs === 0) end();
    else this.#timer(program.runsMs, end);
  }

  #ended(result: string): void {
    this.#stopTimer();
    const restart = lastOf(this.#unit, 'Service', 'Restart')?.value ?? 'no';
    if (restart === 'always' || (restart === 'on-failure' && result !== 'success')) {
      this.#set('activating', 'auto-restart', result);
      const seconds = Number(lastOf(this.#unit, 'Service', 'RestartSec')?.value ?? DEFAULT_RESTART_MS / 1000);
      this.#timer(seconds * 1000, () => this.#run());
    } else if (result !== 'success') {
      this.#set('failed', 'failed', result);
      this.#finish('failed');
    } else {
      const remains = lastOf(this.#unit, 'Service', 'RemainAfterExit')?.value === 'yes';
      this.#set(remains ? 'active' : 'inactive', remains ? 'exited' : 'dead', result);
      this.#finish('done');
    }
  }

  #terminate(): void {
    this.#stopTimer();
    // A oneshot that is stopped before it has finished did not do its work.
    this.#stopResult = this.active === 'activating' && this.sub === 'start' && this.#unitType === 'oneshot' ? 'signal' : 'success';
    this.#set('deactivating', 'stop-sigterm', this.result);
    if (!this.faults.hangStop && !ignoresTerm(this.#unit)) {
      this.#stopped();
      return;
    }
    const seconds = Number(lastOf(this.#unit, 'Service', 'TimeoutStopSec')?.value ?? DEFAULT_STOP_TIMEOUT_MS / 1000);
    this.#timer(seconds * 1000, () => {
      this.#stopResult = 'timeout';
      this.#stopped();
    });
  }

  #stopped(): void {
    this.#stopTimer();
    if (this.#stopResult !== 'success') this.#set('failed', 'failed', this.#stopResult);
    else this.#set('inactive', 'dead', this.result);
    if (this.#startAfterStop) {
      this.#startAfterStop = false;
      this.#run();
    } else {
      this.#finish('done');
    }
  }

  #set(active: string, sub: string, result: string): void {
    this.active = active;
    this.sub = sub;
    this.result = result;
    this.#changed(this);
  }

  #timer(ms: number, run: () => void): void {
    this.#stopTimer();
    this.#cancelTimer = this.#clock.schedule(ms, run);
  }

  #stopTimer(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
  }
}
