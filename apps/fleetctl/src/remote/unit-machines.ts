import type { FleetClient, MachineInfo, UnitSummary } from '@fleet/api-client/fast';

/** A unit on one of its machines. */
export interface UnitPlace {
  readonly unit: string;
  readonly global: boolean;
  readonly machine: { readonly id: string; readonly info: MachineInfo | undefined };
}

/** Where units are: the machine a unit is placed on, every machine that reports a global one. Units that are nowhere are left out. */
export async function findPlaces(client: FleetClient, units: readonly UnitSummary[], signal: AbortSignal): Promise<readonly UnitPlace[]> {
  const globals = units.some((unit) => unit.global);
  const [machines, states] = await Promise.all([client.listMachines({}, { signal }), globals ? client.listStates({}, { signal }) : { states: [] }]);
  const byId = new Map(machines.machines.map((machine) => [machine.id, machine]));
  return units.flatMap((unit) => {
    const ids = unit.global ? states.states.filter((state) => state.name === unit.name).map((state) => state.machineID) : [unit.machineID ?? ''];
    return ids.filter((id) => id !== '').map((id): UnitPlace => ({ unit: unit.name, global: unit.global, machine: { id, info: byId.get(id) } }));
  });
}
