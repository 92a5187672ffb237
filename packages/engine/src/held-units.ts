import type { MachineId, UnitName } from '@fleet/model';

/**
 * Which machines may still run a unit that is no longer theirs: those that report a state for it, and, for a moment,
 * those it was just taken from before they reported it (they may be about to start it).
 */
export class HeldUnits {
  readonly #settleMs: number;
  readonly #reported = new Map<UnitName, Set<MachineId>>();
  readonly #reportsByMachine = new Map<MachineId, number>();
  readonly #settling = new Map<UnitName, Map<MachineId, number>>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** The machine reports a state; whether that is news. */
  reported(unit: UnitName, machine: MachineId): boolean {
    this.#settle(unit, machine);
    let machines = this.#reported.get(unit);
    if (machines === undefined) this.#reported.set(unit, (machines = new Set()));
    if (machines.has(machine)) return false;
    machines.add(machine);
    this.#reportsByMachine.set(machine, (this.#reportsByMachine.get(machine) ?? 0) + 1);
    return true;
  }

  /** The machine's report has ended; whether there was one. */
  gone(unit: UnitName, machine: MachineId): boolean {
    this.#settle(unit, machine);
    const machines = this.#reported.get(unit);
    if (machines?.delete(machine) !== true) return false;
    if (machines.size === 0) this.#reported.delete(unit);
    const left = (this.#reportsByMachine.get(machine) ?? 1) - 1;
    if (left === 0) this.#reportsByMachine.delete(machine);
    else this.#reportsByMachine.set(machine, left);
    return true;
  }

  /** The unit was taken from the machine. */
  taken(unit: UnitName, machine: MachineId, now: number): void {
    if (this.#reported.get(unit)?.has(machine) === true) return;
    let machines = this.#settling.get(unit);
    if (machines === undefined) this.#settling.set(unit, (machines = new Map<MachineId, number>()));
    machines.set(machine, now + this.#settleMs);
  }

  reportsAny(machine: MachineId): boolean {
    return this.#reportsByMachine.has(machine);
  }

  holders(unit: UnitName, except: MachineId | undefined, isPresent: (machine: MachineId) => boolean): ReadonlySet<MachineId> {
    const holders = new Set<MachineId>();
    for (const machine of this.#reported.get(unit) ?? []) if (machine !== except && isPresent(machine)) holders.add(machine);
    for (const machine of this.#settling.get(unit)?.keys() ?? []) if (machine !== except && isPresent(machine)) holders.add(machine);
    return holders;
  }

  nextRelease(): number | null {
    let next: number | null = null;
    for (const machines of this.#settling.values()) for (const until of machines.values()) next = next === null ? until : Math.min(next, until);
    return next;
  }

  /** Ends the waits that are over; returns the units they concerned. */
  release(now: number): readonly UnitName[] {
    const released: UnitName[] = [];
    for (const [unit, machines] of this.#settling) {
      for (const [machine, until] of machines) {
        if (until > now) continue;
        machines.delete(machine);
        released.push(unit);
      }
      if (machines.size === 0) this.#settling.delete(unit);
    }
    return released;
  }

  #settle(unit: UnitName, machine: MachineId): void {
    const machines = this.#settling.get(unit);
    if (machines?.delete(machine) === true && machines.size === 0) this.#settling.delete(unit);
  }
}
