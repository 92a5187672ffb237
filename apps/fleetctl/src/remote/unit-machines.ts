import type { FleetClient, MachineInfo, UnitStateInfo, UnitSummary } from '@fleet/api-client/fast';

/** A unit on one of its machines. */
export interface UnitPlace {
  readonly unit: string;
  readonly global: boolean;
  readonly machine: { readonly id: string; readonly info: MachineInfo | undefined };
  /** What the machine reports of it; only read where systemd cannot be asked. */
  readonly state: UnitStateInfo | undefined;
}

/** Where units are: the machine a unit is placed on, every machine that reports a global one. Units that are nowhere are left out. */
export async function findPlaces(client: FleetClient, units: readonly UnitSummary[], signal: AbortSignal): Promise<readonly UnitPlace[]> {
  const { machines } = await client.listMachines({}, { signal });
  const byId = new Map(machines.map((machine) => [machine.id, machine]));
  const needsStates = units.some((unit) => unit.global || byId.get(unit.machineID ?? '')?.unitLogs !== undefined);
  const { states } = needsStates ? await client.listStates({}, { signal }) : { states: [] };
  return units.flatMap((unit) => {
    const reports = states.filter((state) => state.name === unit.name);
    const ids = unit.global ? reports.map((state) => state.machineID) : [unit.machineID ?? ''];
    return ids
      .filter((id) => id !== '')
      .map((id): UnitPlace => ({ unit: unit.name, global: unit.global, machine: { id, info: byId.get(id) }, state: reports.find((state) => state.machineID === id) }));
  });
}
