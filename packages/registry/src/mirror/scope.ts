import type { Keys } from '../keys.ts';
import type { MirrorScope, RecordKind } from '../registry-types.ts';

/** How a scope is listed and watched. */
export interface ScopePlan {
  /** Listed one after the other, all as of one revision. */
  readonly list: readonly string[];
  /** One watch each. */
  readonly watch: readonly string[];
  readonly holds: (kind: RecordKind, id: string) => boolean;
}

const CLUSTER: ReadonlySet<RecordKind> = new Set<RecordKind>(['units', 'place', 'state', 'machines', 'metadata', 'pending', 'leader']);

/**
 * The cluster is followed by one watch over everything, which delivers each revision whole: a unit and its placement never
 * disagree. What it does not hold (schedules, texts) passes by unread. A machine is followed by a watch for each of its few
 * prefixes, so that it is not woken by others; two changes of one revision may then reach it one after the other.
 */
export function planScope(keys: Keys, scope: MirrorScope): ScopePlan {
  switch (scope.kind) {
    case 'cluster':
      return {
        list: [...(['units', 'place', 'state', 'machines', 'metadata', 'pending'] as const).map((kind) => keys.folder(kind)), keys.leader],
        watch: [keys.root],
        holds: (kind) => CLUSTER.has(kind),
      };
    case 'machine': {
      const { machine } = scope;
      const prefixes = [`${keys.folder('sched')}${machine}/`, keys.folder('globals'), keys.metadata(machine), keys.machine(machine), `${keys.folder('state')}${machine}/`];
      return { list: prefixes, watch: prefixes, holds: (kind, id) => holdsForMachine(machine, kind, id) };
    }
    case 'leader':
      return { list: [keys.leader], watch: [keys.leader], holds: (kind) => kind === 'leader' };
  }
}

function holdsForMachine(machine: string, kind: RecordKind, id: string): boolean {
  switch (kind) {
    case 'globals':
      return true;
    case 'metadata':
    case 'machines':
      return id === machine;
    case 'sched':
    case 'state':
      return id.startsWith(`${machine}/`);
    case 'units':
    case 'place':
    case 'pending':
    case 'leader':
      return false;
  }
}
