import type { MachineId, UnitName } from '@fleet/model';
import type { Mirror, PendingRecord, PlacementChange } from '@fleet/registry';
import type { Pending, Plan, Step } from '@fleet/scheduler';

export interface PlanContext {
  readonly mirror: Pick<Mirror, 'records'>;
  /** Present machines other than the named one that still hold the unit. */
  readonly holders: (unit: UnitName, except: MachineId) => ReadonlySet<MachineId>;
  readonly isPresent: (machine: MachineId) => boolean;
  /** Why a unit left the machine it was on last, if this leader took it away. */
  readonly lastMove: (unit: UnitName) => string | undefined;
}

export interface PlannedChanges {
  readonly changes: readonly PlacementChange[];
  /** The step behind each change of a placement, by unit and kind. */
  readonly steps: readonly Step[];
  /** Units whose new place has to wait until the machine that has them gives them up. */
  readonly deferred: readonly UnitName[];
}

/**
 * Turns a plan into writes, each with the revisions it was decided on. A unit that leaves a machine which is present
 * is not placed elsewhere in the same go: first that machine has to report it gone.
 */
export function planChanges(plan: Plan, context: PlanContext): PlannedChanges {
  const units = context.mirror.records('units');
  const placements = context.mirror.records('place');
  const changes: PlacementChange[] = [];
  const steps: Step[] = [];
  const deferred: UnitName[] = [];
  const leaving = new Set<UnitName>();
  const moved = new Map<UnitName, string>();
  for (const step of plan.steps) {
    switch (step.kind) {
      case 'unschedule': {
        const placement = placements.get(step.unit);
        if (placement?.machine !== step.machine) {
          deferred.push(step.unit);
          break;
        }
        if (context.isPresent(step.machine)) leaving.add(step.unit);
        moved.set(step.unit, describeMove(step));
        changes.push({ kind: 'unplace', unit: step.unit, machine: step.machine, expectPlacement: placement.revision, reason: describeReason(step) });
        steps.push(step);
        break;
      }
      case 'schedule': {
        const unit = units.get(step.unit);
        if (unit === undefined || unit.targetState === 'inactive' || leaving.has(step.unit) || context.holders(step.unit, step.machine).size > 0) {
          deferred.push(step.unit);
          break;
        }
        const lastMove = moved.get(step.unit) ?? context.lastMove(step.unit);
        changes.push({
          kind: 'place',
          unit: step.unit,
          machine: step.machine,
          hash: unit.hash,
          targetState: unit.targetState,
          generation: unit.generation,
          expectUnit: unit.revision,
          reason: lastMove === undefined ? step.reason.text : `${step.reason.text}; ${lastMove}`,
        });
        steps.push(step);
        break;
      }
      default:
        step satisfies never;
    }
  }
  return { changes, steps, deferred };
}

/** Why a unit left a machine, to be kept with its next placement. */
export function describeMove(step: Pick<Step, 'machine' | 'reason'>): string {
  return `it was on ${step.machine}: ${describeReason(step)}`;
}

function describeReason({ reason: { text, because } }: Pick<Step, 'reason'>): string {
  return because === undefined || text.includes(because) ? text : `${text} (because of ${because})`;
}

/** Writes of the reasons that differ from what is written already. `placed` names the units that are placed in the same go. */
export function pendingChanges(pending: ReadonlyMap<UnitName, Pending | null>, mirror: Pick<Mirror, 'records'>, placed: ReadonlySet<UnitName>): readonly PlacementChange[] {
  const written = mirror.records('pending');
  const units = mirror.records('units');
  const changes: PlacementChange[] = [];
  for (const [unit, reason] of pending) {
    const before = written.get(unit);
    if (reason === null) {
      // Placing a unit clears its reason with it.
      if (before !== undefined && !placed.has(unit)) changes.push({ kind: 'pending', unit, pending: null });
      continue;
    }
    const { machines, rejections, summary } = reason;
    const expectUnit = units.get(unit)?.revision;
    if (expectUnit === undefined || (before !== undefined && samePending(before, reason))) continue;
    changes.push({ kind: 'pending', unit, pending: { machines, rejections, summary }, expectUnit });
  }
  return changes;
}

function samePending(a: PendingRecord, b: Pending): boolean {
  return a.machines === b.machines && a.summary === b.summary && JSON.stringify(a.rejections) === JSON.stringify(b.rejections);
}
