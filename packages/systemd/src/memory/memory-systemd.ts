import type { Clock } from '@fleet/runtime';

import type { LocalUnitState, UnitManager } from '../unit-manager.ts';
import { MemoryMachine } from './memory-machine.ts';
import type { MemoryUnit } from './memory-unit.ts';
import { MemoryUnitManager, type MemoryCall } from './memory-unit-manager.ts';

export interface MemorySystemdOptions {
  readonly clock: Clock;
}

/** What a test can see and do behind the back of the one who uses the unit manager. */
export interface MemorySystemdControl {
  /** The units directory: text by name, live. */
  readonly files: ReadonlyMap<string, string>;
  /** Changes a file by hand, past the unit manager. */
  editFile(name: string, text: string): void;
  removeFile(name: string): void;
  state(name: string): LocalUnitState;
  /** Names of the units that are active now, sorted. */
  running(): readonly string[];
  /** How often the commands of this unit were run. */
  startsOf(name: string): number;
  /** Someone else on the machine starts or stops a unit. */
  startByHand(name: string): void;
  stopByHand(name: string): void;
  /** The main process ends with this exit code. */
  exit(name: string, exitCode?: number): void;
  /** The unit fails, whatever it is doing; `result` is systemd's word. */
  fail(name: string, result?: string): void;
  /** From now on loading this unit is refused with this reason; `undefined` takes it back. */
  refuseLoad(name: string, reason: string | undefined): void;
  refuseStart(name: string, reason: string | undefined): void;
  refuseStop(name: string, reason: string | undefined): void;
  /** The next starts of this loaded unit stay `activating` until released. */
  hangStart(name: string): void;
  /** The next stops of this loaded unit stay `deactivating` until released or until `TimeoutStopSec=` has passed. */
  hangStop(name: string): void;
  release(name: string): void;
  /** The connection of every manager is lost: calls fail with SYSTEMD_UNAVAILABLE, pending jobs are `canceled`, units go on. */
  drop(): void;
  restore(): void;
  /** How often this was called since the start or the last {@link resetCalls}; `reload` counts real reloads. Of one unit, if named. */
  calls(call: MemoryCall | 'reload', name?: string): number;
  resetCalls(): void;
  /** Another connection to the same machine, as a restarted daemon opens. */
  openManager(): UnitManager;
  /** The machine goes down and comes back: no unit runs; the units directory is empty unless `keepFiles` (it lies on volatile storage by default). */
  reboot(options?: { readonly keepFiles?: boolean }): void;
}

export interface MemorySystemd extends UnitManager {
  readonly control: MemorySystemdControl;
}

/**
 * A systemd that is a state machine in memory under the given clock, for tests. It reads `ExecStart=` as far as
 * `true`, `false`, `sleep N` and `sh -c 'exit N'`, knows `Type=oneshot`, `RemainAfterExit=`, `Restart=`,
 * `RestartSec=` and `TimeoutStopSec=`, and does the rest on request. Disposing it ends the connection, not the units.
 *
 * @example
 * const systemd = createMemorySystemd({ clock: new FakeClock() });
 * await systemd.load('web.service', '[Service]\nExecStart=/bin/sleep infinity\n');
 * await (await systemd.start('web.service')).result; // 'done'
 * systemd.control.exit('web.service', 1);
 * systemd.control.state('web.service').active; // 'failed'
 */
export function createMemorySystemd(options: MemorySystemdOptions): MemorySystemd {
  const machine = new MemoryMachine(options.clock);
  const counts = new Map<string, number>();
  const managers: MemoryUnitManager[] = [];
  const count = (call: string, name?: string): void => {
    for (const key of name === undefined ? [call] : [call, `${call} ${name}`]) counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const openManager = (): MemoryUnitManager => {
    const manager = new MemoryUnitManager(machine, count);
    managers.push(manager);
    return manager;
  };
  const need = (name: string): MemoryUnit => {
    const unit = machine.unit(name);
    if (unit === undefined) throw new Error(`no unit ${name} in the memory systemd`);
    return unit;
  };
  const setOrDelete = (map: Map<string, string>, name: string, reason: string | undefined): void => {
    if (reason === undefined) map.delete(name);
    else map.set(name, reason);
  };
  const control: MemorySystemdControl = {
    files: machine.files,
    editFile: (name, text) => void machine.files.set(name, text),
    removeFile: (name) => void machine.files.delete(name),
    state: (name) => machine.stateOf(name),
    running: () =>
      machine
        .units()
        .filter((unit) => unit.active === 'active')
        .map((unit) => unit.name)
        .sort(),
    startsOf: (name) => machine.units().find((unit) => unit.name === name)?.starts ?? 0,
    startByHand: (name) => void need(name).start(),
    stopByHand: (name) => void need(name).stop(),
    exit: (name, exitCode = 0) => need(name).exit(exitCode),
    fail: (name, result = 'exit-code') => need(name).fail(result),
    refuseLoad: (name, reason) => setOrDelete(machine.refusedLoads, name, reason),
    refuseStart: (name, reason) => setOrDelete(machine.refusedStarts, name, reason),
    refuseStop: (name, reason) => setOrDelete(machine.refusedStops, name, reason),
    hangStart: (name) => void (need(name).faults.hangStart = true),
    hangStop: (name) => void (need(name).faults.hangStop = true),
    release: (name) => need(name).release(),
    drop: () => managers.forEach((manager) => manager.drop()),
    restore: () => managers.forEach((manager) => manager.restore()),
    calls: (call, name) => counts.get(name === undefined ? call : `${call} ${name}`) ?? 0,
    resetCalls: () => counts.clear(),
    openManager,
    reboot: ({ keepFiles = false } = {}) => {
      machine.powerOff();
      if (!keepFiles) machine.files.clear();
    },
  };
  return Object.assign(openManager(), { control });
}
