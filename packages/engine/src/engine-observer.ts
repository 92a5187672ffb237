import type { MachineId } from '@fleet/model';
import type { EvacuationPause } from './machine-judge.ts';

/** What an engine tells whoever counts; every method is optional and must not throw. */
export interface EngineObserver {
  /** This engine became leader (wall time in ms), or ceased to be (null). */
  readonly onTerm?: (sinceMs: number | null) => void;
  /** Who leads, as far as is known. */
  readonly onLeader?: (machine: MachineId | null) => void;
  /** A decision was written, or was not. `type` is the original's: `AttemptScheduleUnit`, `UnscheduleUnit`. */
  readonly onTask?: (type: 'AttemptScheduleUnit' | 'UnscheduleUnit', outcome: 'done' | 'failed') => void;
  /** A pass that had something to look at has ended. */
  readonly onPass?: (durationMs: number, outcome: 'done' | 'failed') => void;
  /** A machine was declared dead. */
  readonly onMachineGone?: (machine: MachineId) => void;
  /** Units that should have a machine and have none. */
  readonly onPending?: (units: number) => void;
  readonly onEvacuation?: (pause: EvacuationPause | null) => void;
}
