import { mergeMetadata, type MachineId, type Metadata, type UnitHash, type UnitName } from '@fleet/model';
import type { Mirror, RequirementsSource } from '@fleet/registry';
import { desiredUnits, type SchedulerUnit } from '@fleet/scheduler';

/** A unit this machine has to hold. */
export interface WantedUnit extends SchedulerUnit {
  readonly hash: UnitHash;
  readonly generation: number;
}

export interface WantedUnits {
  readonly wanted: readonly WantedUnit[];
  /** Units whose text cannot be had or read, with why: whatever is here of them stays as it is. */
  readonly unreadable: ReadonlyMap<UnitName, string>;
}

export interface WantedUnitsInput {
  readonly machine: MachineId;
  readonly mirror: Pick<Mirror, 'records'>;
  readonly requirements: RequirementsSource;
  /** From the configuration; dynamic metadata comes from the mirror. */
  readonly staticMetadata: Metadata;
}

/** Gathers what the registry wants of this machine and decides what that means here. Throws the store's error when a text cannot be asked for. */
export async function readWantedUnits(input: WantedUnitsInput, signal: AbortSignal): Promise<WantedUnits> {
  const { mirror, machine, requirements } = input;
  const unreadable = new Map<UnitName, string>();
  const resolve = async (unit: { name: UnitName; hash: UnitHash; targetState: WantedUnit['targetState']; generation: number; global: boolean }): Promise<WantedUnit | undefined> => {
    const result = await requirements.resolve(unit, signal);
    if (!result.ok) {
      unreadable.set(unit.name, result.problem);
      return undefined;
    }
    return { name: unit.name, hash: unit.hash, targetState: unit.targetState, generation: unit.generation, requirements: result.requirements };
  };
  const own = [...mirror.records('sched').values()].filter((record) => record.machine === machine);
  const [scheduled, globals] = await Promise.all([
    Promise.all(own.map((record) => resolve({ ...record, name: record.unit, global: false }))),
    Promise.all([...mirror.records('globals').values()].map((record) => resolve(record))),
  ]);
  const metadata = mergeMetadata(input.staticMetadata, mirror.records('metadata').get(machine)?.values ?? {});
  const wanted = desiredUnits({ machine: { metadata }, scheduled: scheduled.filter((unit) => unit !== undefined), globals: globals.filter((unit) => unit !== undefined) });
  return { wanted: wanted.filter((unit) => unit.targetState !== 'inactive'), unreadable };
}
