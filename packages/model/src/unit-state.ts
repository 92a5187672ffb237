import type { MachineId, UnitHash, UnitName } from './names.ts';
import type { TargetState } from './target-state.ts';

/** systemd's words for a unit, passed through. */
export interface SystemdState {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

/** What a machine reports of a unit it holds. */
export interface UnitState extends SystemdState {
  readonly unit: UnitName;
  readonly machine: MachineId;
  /** Hash of the unit file that the machine has loaded. */
  readonly hash: UnitHash;
  /** The target state that was last asked of this machine's systemd. */
  readonly asked: Exclude<TargetState, 'inactive'>;
  /** Generation of the unit this report answers to. */
  readonly generation: number;
  /** Why the machine cannot do what is wanted, if so; one line. */
  readonly reason?: string;
}

/**
 * Current state of a unit that is not global (as fleet `registry/job.go`): `inactive`
 * until the machine it is placed on reports it, then what that machine was last asked for.
 */
export function currentState(placedOn: MachineId | null, stateThere: UnitState | undefined): TargetState {
  if (placedOn === null || stateThere === undefined || stateThere.machine !== placedOn) return 'inactive';
  return stateThere.asked;
}
