import type { UnitName } from '@fleet/model';
import type { MachineEntry, UnitEntry } from './entries.ts';

/** What changes may have made necessary or possible since it was last looked at. Only what is in here is planned. */
export class Dirt {
  /** Placed units that may not fit any more. */
  readonly review = new Set<UnitEntry>();
  /** Machines on which units may conflict with or replace each other. */
  readonly machines = new Set<MachineEntry>();
  /** Units without a machine that may fit somewhere now, or whose reasons may have changed. Those left over come to stand as pending. */
  readonly tries = new Set<UnitEntry>();
  /** Names with a placement that should have none: unknown or global units. */
  readonly stale = new Set<UnitName>();
  /** Units whose standing as pending may have changed. */
  readonly standing = new Set<UnitEntry>();
  /** Whether all units without a machine are to be tried. */
  everyTry = false;
  /** Whether a machine may take something that it could not take before. */
  freed = false;

  allWaiting(): void {
    this.everyTry = true;
    this.freed = true;
  }

  /** Forgets a unit that is no longer in the model. */
  drop(entry: UnitEntry): void {
    this.review.delete(entry);
    this.tries.delete(entry);
    this.standing.delete(entry);
  }
}
