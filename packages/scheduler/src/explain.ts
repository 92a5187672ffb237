import type { MachineId } from '@fleet/model';
import type { Requirements } from '@fleet/unit-parser';
import { compareBytes } from './order.ts';
import type { Pending, Rejection, RejectionCode } from './types.ts';

/** Up to so many machines in conflict, the units in the way are named; beyond, the patterns. */
export const NAMED_CONFLICTS = 8;
/** At most so many different details of one code are kept; the rest is folded into one. */
const MAX_DETAILS = 3;
const OTHERS = 'other units';

const CODES: readonly RejectionCode[] = ['malformed', 'machine-id', 'metadata', 'machine-of', 'conflict', 'held'];

/** Counts machines by why they will not do, and makes the answer for people of it. */
export class RejectionCounter {
  readonly #counts = new Map<RejectionCode, Map<string, number>>();

  add(code: RejectionCode, detail: string, machines = 1): void {
    if (machines === 0) return;
    const details = this.#counts.get(code) ?? new Map<string, number>();
    details.set(detail, (details.get(detail) ?? 0) + machines);
    this.#counts.set(code, details);
  }

  rejections(): Rejection[] {
    return CODES.flatMap((code) => fold(code, this.#counts.get(code) ?? new Map<string, number>()));
  }
}

/** @param remarks What to add to the summary behind a peer that is on no machine. */
export function describePending(
  unit: Pending['unit'],
  machines: number,
  rejections: readonly Rejection[],
  remarks: ReadonlyMap<string, string>,
): Pending {
  const reasons = rejections.map((rejection) => describeRejection(rejection, remarks));
  const summary = machines === 0 ? 'there are no machines' : `0 of ${machines} machines: ${reasons.join(', ')}`;
  return { unit, machines, rejections, summary };
}

/** "2 of 5 machines fit (3 lack metadata region=eu)". */
export function describeFits(
  fits: number,
  machines: number,
  verb: string,
  rejections: readonly Rejection[],
  remarks: ReadonlyMap<string, string>,
): string {
  if (machines === 0) return 'there are no machines';
  const reasons = rejections.map((rejection) => describeRejection(rejection, remarks)).join(', ');
  return `${verb} ${fits} of ${machines} machines${reasons === '' ? '' : ` (${reasons})`}`;
}

function describeRejection({ code, detail, machines }: Rejection, remarks: ReadonlyMap<string, string>): string {
  switch (code) {
    case 'machine-id':
      return `${machines} ${machines === 1 ? 'is' : 'are'} not machine ${detail}`;
    case 'metadata':
      return `${machines} ${machines === 1 ? 'lacks' : 'lack'} metadata ${detail}`;
    case 'machine-of': {
      const remark = remarks.get(detail);
      return `${machines} ${machines === 1 ? 'does' : 'do'} not hold ${detail}${remark === undefined ? '' : ` (${remark})`}`;
    }
    case 'conflict':
      return `${machines} ${machines === 1 ? 'conflicts' : 'conflict'} with ${detail}`;
    case 'held':
      return `${machines} ${machines === 1 ? 'waits' : 'wait'} until ${detail} has let it go`;
    case 'malformed':
      return `${machines} cannot meet ${detail}`;
  }
}

/** "region=eu", or "region=eu|us" where several values will do. */
export function describeMetadata(key: string, allowed: ReadonlySet<string>): string {
  return `${key}=${[...allowed].sort(compareBytes).join('|')}`;
}

/** What in the requirements no machine can ever meet, or `null`. */
export function findMalformed(requirements: Requirements): string | null {
  if (requirements.machineId === '') return 'an empty MachineID';
  return requirements.machineOf.includes('') ? 'an empty MachineOf' : null;
}

export function describeHolders(holders: readonly MachineId[]): string {
  return `machine ${[...holders].sort(compareBytes).join(' and ')}`;
}

/** Biggest first, equal counts by text. */
function fold(code: RejectionCode, details: ReadonlyMap<string, number>): Rejection[] {
  const sorted = [...details]
    .map(([detail, machines]): Rejection => ({ code, detail, machines }))
    .sort((a, b) => b.machines - a.machines || compareBytes(a.detail, b.detail));
  if (sorted.length <= MAX_DETAILS) return sorted;
  const rest = sorted.slice(MAX_DETAILS - 1).reduce((sum, { machines }) => sum + machines, 0);
  return [...sorted.slice(0, MAX_DETAILS - 1), { code, detail: code === 'conflict' ? OTHERS : 'others', machines: rest }];
}
