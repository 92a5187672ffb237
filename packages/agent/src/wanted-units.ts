import { mergeMetadata, type MachineId, type Metadata, type UnitHash } from '@fleet/model';
import type { Mirror, RequirementsSource } from '@fleet/registry';
import { desiredUnits, type SchedulerUnit } from '@fleet/scheduler';

/** A unit this machine has to hold. */
export interface WantedUnit extends SchedulerUnit {
  readonly hash: UnitHash;
  readonly generation: number;
}

/** What is known of a unit whose text cannot be had or read. */
export interface UnreadableUnit extends Pick<WantedUnit, 'name' | 'hash' | 'generation'> {
  /** Why that is. */
  readonly problem: string;
}

export interface WantedUnits {
  readonly wanted: readonly WantedUnit[];
  /** Whether they belong here cannot be told: whatever is here of them stays as it is. */
  readonly unreadable: readonly UnreadableUnit[];
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
  const unreadable: UnreadableUnit[] = [];
  const scheduled: WantedUnit[] = [];
  const globals: WantedUnit[] = [];
  const unread: { readonly unit: UnreadUnit; readonly into: WantedUnit[] }[] = [];
  const take = (unit: UnreadUnit, into: WantedUnit[]): void => {
    // Needs no text to be told that it is not wanted.
    if (unit.targetState === 'inactive') return;
    // Nearly always known: a pass over many units must not wait for each of them.
    const known = requirements.peek(unit);
    if (known === undefined) unread.push({ unit, into });
    else into.push({ name: unit.name, hash: unit.hash, targetState: unit.targetState, generation: unit.generation, requirements: known });
  };
  for (const record of mirror.records('sched').values()) if (record.machine === machine) take({ ...record, name: record.unit, global: false }, scheduled);
  for (const record of mirror.records('globals').values()) take(record, globals);
  await Promise.all(
    unread.map(async ({ unit, into }) => {
      const result = await requirements.resolve(unit, signal);
      if (result.ok) into.push({ name: unit.name, hash: unit.hash, targetState: unit.targetState, generation: unit.generation, requirements: result.requirements });
      else unreadable.push({ name: unit.name, hash: unit.hash, generation: unit.generation, problem: result.problem });
    }),
  );
  const metadata = mergeMetadata(input.staticMetadata, mirror.records('metadata').get(machine)?.values ?? {});
  return { wanted: desiredUnits({ machine: { metadata }, scheduled, globals }), unreadable };
}

type UnreadUnit = Pick<WantedUnit, 'name' | 'hash' | 'targetState' | 'generation'> & { readonly global: boolean };
