import type { UnitName } from '@fleet/model';
import type { Step } from '@fleet/scheduler';
import { describeMove } from './placement-changes.ts';

const MAX_UNITS = 10_000;

/** Why units were taken from their machines, until they are placed again; the last 10,000. A new leader begins with none. */
export class Moves {
  readonly #reasons = new Map<UnitName, string>();

  of(unit: UnitName): string | undefined {
    return this.#reasons.get(unit);
  }

  carriedOut(step: Step): void {
    this.#reasons.delete(step.unit);
    // A unit that users stopped or destroyed comes back as a new wish, not as a move.
    if (step.kind === 'schedule' || step.reason.code === 'target-inactive' || step.reason.code === 'unit-gone') return;
    this.#reasons.set(step.unit, describeMove(step));
    if (this.#reasons.size <= MAX_UNITS) return;
    const [oldest] = this.#reasons.keys();
    if (oldest !== undefined) this.#reasons.delete(oldest);
  }
}
