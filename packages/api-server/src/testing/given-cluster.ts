import { isTargetState, type MachineId, type TargetState, type UnitHash, type UnitName } from '@fleet/model';
import { createKeys, type LeaseId, type Registry, type Store } from '@fleet/registry';
import { isFleetError } from '@fleet/runtime';
import { formatUnitFile, hashText, isGlobal, type UnitOption } from '@fleet/unit-parser';
import { admitOptions, type AdmittedUnit } from '../admission.ts';
import type { GivenCluster } from './api-case.ts';

const LEASE_MS = 600_000;
const OBSERVER = 'ffffffffffffffffffffffffffffffff' as MachineId;

/** Brings an empty registry into the state a case starts from. `prefix` is that of the registry. */
export async function arrangeCluster(store: Store, registry: Registry, prefix: string, given: GivenCluster): Promise<void> {
  const keys = createKeys(prefix);
  const { id: lease } = await registry.grantLease(LEASE_MS);
  const leader = await registry.campaign(OBSERVER, 'arranging', lease);
  if (leader === null) throw new Error('the registry of a case has a leader already');
  for (const unit of given.units) await arrangeUnit(store, registry, keys, leader.fence, unit);
  await arrangeMachines(store, registry, keys, lease, given);
  await registry.resign(leader.fence);
}

async function arrangeUnit(store: Store, registry: Registry, keys: ReturnType<typeof createKeys>, fence: number, unit: GivenCluster['units'][number]): Promise<void> {
  const name = unit.name as UnitName;
  const wanted = unit.desiredState ?? 'inactive';
  const placedOn = unit.machineID ?? '';
  // A damaged record, or a unit that still has its machine while it should be inactive: written as launched, then patched.
  const patched = !isTargetState(wanted) || (wanted === 'inactive' && placedOn !== '');
  const targetState: TargetState = patched || !isTargetState(wanted) ? 'launched' : wanted;
  const admitted = stored(unit.options ?? []);
  const { revision, generation } = await registry.changeUnit({ kind: 'create', name, ...admitted, targetState });
  if (placedOn !== '' && targetState !== 'inactive') {
    const machine = placedOn as MachineId;
    const { rejected } = await registry.applyPlacements([{ kind: 'place', unit: name, machine, hash: admitted.hash, targetState, generation, expectUnit: revision }], fence);
    if (rejected.length > 0) throw new Error(`unit ${name} cannot be placed on ${machine}`);
  }
  if (!patched) return;
  const { item } = await store.get(keys.unit(name));
  const value = (item?.value ?? '').replace('"launched"', JSON.stringify(wanted));
  await store.transaction({ compare: [], operations: [{ kind: 'put', key: keys.unit(name), value }] });
}

/** The form in which a unit would be stored; one that would be refused today stands there as the original rendered it. */
function stored(options: readonly UnitOption[]): AdmittedUnit {
  try {
    return admitOptions(options);
  } catch (error) {
    if (!isFleetError(error, 'UNIT_OPTIONS_INVALID')) throw error;
    const text = formatUnitFile(options);
    return { text, hash: hashText(text) as UnitHash, global: isGlobal(options) };
  }
}

async function arrangeMachines(store: Store, registry: Registry, keys: ReturnType<typeof createKeys>, lease: LeaseId, given: GivenCluster): Promise<void> {
  const present = new Map(given.machines.map((machine) => [machine.id, machine]));
  for (const id of new Set([...present.keys(), ...given.states.map(({ machineID }) => machineID)])) {
    const machine = present.get(id);
    const sessionId = `session-${id}`;
    await registry.registerMachine(
      { id: id as MachineId, bootId: 'boot', sessionId, address: machine?.primaryIP ?? '', metadata: machine?.metadata ?? {}, version: '1.0.0', capabilities: {} },
      lease,
    );
    const reports = given.states.filter(({ machineID }) => machineID === id);
    const changes = reports.map((state) => ({
      kind: 'put' as const,
      state: {
        unit: state.name as UnitName,
        machine: id as MachineId,
        hash: (state.hash ?? '') as UnitHash,
        load: state.systemdLoadState ?? '',
        active: state.systemdActiveState ?? '',
        sub: state.systemdSubState ?? '',
        asked: given.units.find(({ name }) => name === state.name)?.heartbeat === id ? ('launched' as const) : ('loaded' as const),
        generation: 1,
      },
    }));
    if (changes.length > 0) await registry.publishStates(id as MachineId, sessionId, lease, changes);
    // Reports of machines that are not there any more.
    if (machine === undefined) await store.transaction({ compare: [], operations: [{ kind: 'delete', key: keys.machine(id) }] });
    const dynamic = Object.entries(machine?.dynamicMetadata ?? {});
    if (dynamic.length > 0) await registry.changeMetadata(dynamic.map(([key, value]) => ({ machine: id, key, value })));
  }
}
