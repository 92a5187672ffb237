import { FleetError, isFleetError } from '@fleet/runtime';
import type { MachineId } from '@fleet/model';
import { packBatches, type Part } from './batch.ts';
import { decodeMachine, encodeMachine, encodeState } from './codecs.ts';
import type { Keys } from './keys.ts';
import type { MachineRecord } from './records.ts';
import type { MachineRegistration, StateChange } from './registry-types.ts';
import { leaseNotFound } from './store-errors.ts';
import type { CallOptions, KeyValue, LeaseId, Store } from './store.ts';

const MAX_ATTEMPTS = 10;

/** A machine's own keys: that it is there, and the states of its units. All hang on the machine's lease. */
export class Presence {
  readonly #store: Store;
  readonly #keys: Keys;
  /** Create revision of `machines/<id>` while a session holds it: the cheap proof that it still does. */
  readonly #holding = new Map<string, number>();

  constructor(store: Store, keys: Keys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** @throws FleetError `MACHINE_ID_TAKEN` (conflict), `LEASE_NOT_FOUND` (not-found) */
  async register(machine: MachineRegistration, lease: LeaseId, options?: CallOptions): Promise<{ readonly revision: number }> {
    const key = this.#keys.machine(machine.id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { item } = await this.#store.get(key, options);
      if (item !== null && !mayTake(item, machine)) throw machineIdTaken(machine.id, item);
      const { succeeded, revision } = await this.#store.transaction(
        { compare: [{ kind: 'mod-revision', key, equals: item?.modRevision ?? 0 }], operations: [{ kind: 'put', key, value: encodeMachine(machine), lease }] },
        options,
      );
      if (succeeded) {
        this.#holding.set(holdingKey(machine.id, machine.sessionId), item?.createRevision ?? revision);
        return { revision };
      }
    }
    throw machineIdTaken(machine.id, null);
  }

  /** Also drops the machine's states. No error when another session holds the id, or none. */
  async remove(machine: MachineId, sessionId: string, options?: CallOptions): Promise<void> {
    const key = this.#keys.machine(machine);
    this.#holding.delete(holdingKey(machine, sessionId));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { item } = await this.#store.get(key, options);
      if (item === null || holder(item, machine) !== sessionId) return;
      const { succeeded } = await this.#store.transaction(
        {
          compare: [{ kind: 'mod-revision', key, equals: item.modRevision }],
          operations: [
            { kind: 'delete', key },
            { kind: 'delete-prefix', prefix: `${this.#keys.folder('state')}${machine}/` },
          ],
        },
        options,
      );
      if (succeeded) return;
    }
    throw machineIdTaken(machine, null);
  }

  /** @throws FleetError `MACHINE_ID_TAKEN` (conflict), `LEASE_NOT_FOUND` (not-found) when the session's registration has ended. */
  async publishStates(machine: MachineId, sessionId: string, lease: LeaseId, changes: readonly StateChange[], options?: CallOptions): Promise<void> {
    let held = this.#holding.get(holdingKey(machine, sessionId)) ?? (await this.#proveHolding(machine, sessionId, lease, options));
    // The newest state of each unit is what counts.
    const newest = new Map(changes.map((change) => [change.kind === 'put' ? change.state.unit : change.unit, change]));
    const condition = (): Part => ({ compare: [{ kind: 'create-revision', key: this.#keys.machine(machine), equals: held }], operations: [] });
    const parts = [...newest.values()].map((change) => this.#statePart(machine, lease, change));
    for (const { transaction } of packBatches(parts, (part) => part, condition())) {
      let { succeeded } = await this.#store.transaction({ ...transaction, compare: condition().compare }, options);
      for (let attempt = 0; !succeeded && attempt < MAX_ATTEMPTS; attempt += 1) {
        held = await this.#proveHolding(machine, sessionId, lease, options);
        ({ succeeded } = await this.#store.transaction({ ...transaction, compare: condition().compare }, options));
      }
      if (!succeeded) throw machineIdTaken(machine, null);
    }
  }

  #statePart(machine: MachineId, lease: LeaseId, change: StateChange): Part {
    if (change.kind === 'delete') return { compare: [], operations: [{ kind: 'delete', key: this.#keys.state(machine, change.unit) }] };
    return { compare: [], operations: [{ kind: 'put', key: this.#keys.state(machine, change.state.unit), value: encodeState(change.state), lease }] };
  }

  async #proveHolding(machine: MachineId, sessionId: string, lease: LeaseId, options: CallOptions | undefined): Promise<number> {
    this.#holding.delete(holdingKey(machine, sessionId));
    const { item } = await this.#store.get(this.#keys.machine(machine), options);
    if (item === null) throw leaseNotFound(lease);
    if (holder(item, machine) !== sessionId) throw machineIdTaken(machine, item);
    this.#holding.set(holdingKey(machine, sessionId), item.createRevision);
    return item.createRevision;
  }
}

/** The session that holds a machine's key; null when the record is damaged, and so nobody's. */
function holder(item: KeyValue, machine: MachineId): string | null {
  try {
    return decodeMachine(item, machine).sessionId;
  } catch (error) {
    if (!isFleetError(error, 'RECORD_INVALID')) throw error;
    return null;
  }
}

/** A damaged record without a lease would never go away by itself; one with a lease may belong to a newer version. */
function mayTake(item: KeyValue, machine: MachineRegistration): boolean {
  const session = holder(item, machine.id);
  return session === machine.sessionId || (session === null && item.lease === null);
}

function holdingKey(machine: string, sessionId: string): string {
  return `${machine} ${sessionId}`;
}

function machineIdTaken(machine: MachineId, item: KeyValue | null): FleetError {
  let other: MachineRecord | undefined;
  try {
    if (item !== null) other = decodeMachine(item, machine);
  } catch {
    // The message then does without the address.
  }
  const where = other?.address === undefined || other.address === '' ? '' : ` at ${other.address}`;
  return new FleetError(`machine id ${machine} is held by another live session${where}`, {
    code: 'MACHINE_ID_TAKEN',
    kind: 'conflict',
    remedy: 'give each machine an /etc/machine-id of its own; after a restart without /run the old session ends with its lease',
  });
}
