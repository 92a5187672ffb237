import type { MachineId, UnitName } from '@fleet/model';
import type { Requirements } from '@fleet/unit-parser';
import type { ClusterSnapshot, SchedulerMachine, SchedulerUnit } from '@fleet/scheduler';

const NONE: Requirements = { machineId: null, machineOf: [], conflicts: [], replaces: [], metadata: new Map(), global: false };
const REGIONS = ['eu', 'us', 'asia'];

export function unit(name: string, requirements: Partial<Requirements> = {}): SchedulerUnit {
  return { name: name as UnitName, targetState: 'launched', requirements: { ...NONE, ...requirements } };
}

export function metadata(...pairs: readonly (readonly [string, string])[]): Requirements['metadata'] {
  return new Map(pairs.map(([key, value]) => [key, new Set([value])]));
}

/** Machines with ids as machine-id makes them, in no order. */
export function machines(count: number): SchedulerMachine[] {
  return Array.from({ length: count }, (_, i) => ({
    id: (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0').repeat(4) as MachineId,
    metadata: { region: REGIONS[i % REGIONS.length] ?? '', disk: i % 2 === 0 ? 'ssd' : 'hdd', host: `host-${i}` },
  }));
}

/** Of ten units: four plain, two with metadata, two of the `web@*.service` kind, one follower, one in conflict with one other or global. */
export function mixedCluster(unitCount: number, machineCount: number): ClusterSnapshot {
  const units = Array.from({ length: unitCount }, (_, i) => mixedUnit(i));
  return { machines: machines(machineCount), units, placements: new Map(), held: new Map() };
}

function mixedUnit(i: number): SchedulerUnit {
  const group = i % 50;
  switch (i % 10) {
    case 4:
      return unit(`meta-${i}.service`, { metadata: metadata(['region', 'eu']) });
    case 5:
      return unit(`meta-${i}.service`, { metadata: metadata(['region', 'us'], ['disk', 'ssd']) });
    case 6:
    case 7:
      return unit(`web-${group}@${i}.service`, { conflicts: [`web-${group}@*.service`] });
    case 8:
      return unit(`side-${i}.service`, { machineOf: [`plain-${i - 8}.service`] });
    case 9:
      if (i % 1000 === 9) return unit(`everywhere-${i}.service`, { global: true, metadata: metadata(['disk', 'ssd']) });
      return unit(`db-${i}.service`, { conflicts: [`db-${i - 10}.service`] });
    default:
      return unit(`plain-${i}.service`);
  }
}
