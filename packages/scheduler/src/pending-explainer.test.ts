import { describe, expect, it } from '@jest/globals';
import type { MachineId, UnitName } from '@fleet/model';
import { planCluster } from './plan-cluster.ts';
import type { SchedulerUnit } from './types.ts';

/** Units in a row, each of which follows the next; the last follows the one given. */
function row(length: number, last: string): SchedulerUnit[] {
  return Array.from({ length }, (_, i) => ({
    name: `u${i}.service` as UnitName,
    targetState: 'launched',
    requirements: { machineId: null, machineOf: [i + 1 < length ? `u${i + 1}.service` : last], conflicts: [], replaces: [], metadata: new Map(), global: false },
  }));
}

describe('what is said of a follower whose target has no machine', () => {
  it.each([
    ['itself', row(1, 'u0.service'), 'circle u0.service → u0.service'],
    ['a short circle', row(3, 'u0.service'), 'circle u0.service → u1.service → u2.service → u0.service'],
    ['a way into a circle that it is not part of', row(3, 'u1.service'), 'itself without a machine'],
    ['a target at the end that is missing', row(3, 'nothere.service'), 'itself without a machine'],
    ['the longest circle that is spelt out', row(24, 'u0.service'), /^circle u0\.service → u1\.service → .* → u23\.service → u0\.service$/],
    ['a longer one', row(26, 'u0.service'), 'itself behind a chain or circle of more than 24 units without a machine'],
  ])('%s', (_name, units, remark) => {
    const { pending } = planCluster({ machines: [{ id: 'm1' as MachineId, metadata: {} }], units, placements: new Map(), held: new Map() });
    const summary = pending.get('u0.service' as UnitName)?.summary ?? '';
    expect(/\((.*)\)$/.exec(summary)?.[1]).toMatch(remark);
  });
});
