import type { MachineId, UnitName } from '@fleet/model';
import { andBits, type Bits, clearBit, createBits, eachBit, hasBit, orBits, setBit, subtractBits } from './bits.ts';
import type { ClusterState } from './cluster-state.ts';
import type { MachineEntry, UnitEntry } from './entries.ts';
import { meetsMachineId, meetsMetadata } from './fitness.ts';
import * as reason from './reason.ts';

/** Answers which machines will do for a unit, whole sets of machines at a time. */
export class Candidates {
  readonly #state: ClusterState;
  readonly #held: ReadonlyMap<UnitName, ReadonlySet<MachineId>>;

  constructor(state: ClusterState, held: ReadonlyMap<UnitName, ReadonlySet<MachineId>>) {
    this.#state = state;
    this.#held = held;
  }

  isFit(entry: UnitEntry, machine: MachineEntry): boolean {
    return this.unfitApart(entry, machine) === null && !this.#state.hasConflict(entry, machine);
  }

  /** Machines that fit. */
  fit(entry: UnitEntry): Bits {
    const mask = this.suitable(entry, []);
    subtractBits(mask, this.conflicting(entry));
    return mask;
  }

  /**
   * Machines that have the id, the metadata and the peers that a unit asks for.
   * @param beside Units that would come along and need not be there yet.
   */
  suitable(entry: UnitEntry, beside: readonly UnitEntry[]): Bits {
    const mask = this.#state.loads.all.slice();
    const { machineId, metadata, machineOf } = entry.unit.requirements;
    if (machineId !== null) this.#state.index.keepId(mask, machineId);
    for (const [key, allowed] of metadata) this.#state.index.keepMetadata(mask, key, allowed);
    for (const peer of machineOf) {
      if (!beside.some((other) => other.name === peer)) andBits(mask, this.machinesOf(peer));
    }
    return mask;
  }

  /** Machines where a unit in conflict with this one is counted; it is not in conflict with itself. */
  conflicting(entry: UnitEntry): Bits {
    const { loads, patterns, capacity } = this.#state;
    const mask = createBits(capacity);
    for (const pattern of entry.conflicts) {
      if (pattern.universal) loads.orLoadedInto(mask);
      else pattern.matched.orInto(mask);
    }
    for (const pattern of patterns.matching(entry)) pattern.conflicting.orInto(mask);
    if (entry.counted && entry.machine !== null && !this.#state.hasConflict(entry, entry.machine)) clearBit(mask, entry.machine.slot);
    return mask;
  }

  /** Machines where the unit of this name is counted. */
  machinesOf(name: string): Bits {
    const mask = createBits(this.#state.capacity);
    const entry = this.#state.units.get(name as UnitName);
    if (entry?.global === true) entry.running.orInto(mask);
    else if (entry?.counted === true && entry.machine !== null) setBit(mask, entry.machine.slot);
    return mask;
  }

  /**
   * The machine for a unit: the fit one with the least load and, among equals, the smallest id. A machine that still holds the unit
   * comes first, so that it need not move; one with a unit that replaces it comes last.
   */
  choose(entry: UnitEntry): MachineEntry | undefined {
    const { loads } = this.#state;
    const fit = this.fit(entry);
    const calm = this.#withoutReplacers(entry, fit);
    const [holder, ...more] = this.holders(entry);
    if (holder !== undefined && more.length === 0 && hasBit(calm, holder.slot)) return holder;
    const slot = loads.first(calm);
    return this.#state.machineAt(slot >= 0 ? slot : loads.first(fit));
  }

  #withoutReplacers(entry: UnitEntry, machines: Bits): Bits {
    const replacers = createBits(this.#state.capacity);
    let any = false;
    for (const pattern of this.#state.patterns.matching(entry)) {
      if (pattern.replacing.size === 0) continue;
      any = true;
      pattern.replacing.orInto(replacers);
    }
    if (!any) return machines;
    andBits(replacers, machines);
    const calm = machines.slice();
    subtractBits(calm, replacers);
    // Units that replace each other leave each other alone: where that is possible, look at each.
    if (entry.replaces.length === 0) return calm;
    for (const slot of eachBit(replacers)) {
      const machine = this.#state.machineAt(slot);
      if (machine !== undefined && !jobsOn(machine).some((other) => replacesEntry(other, entry))) setBit(calm, slot);
    }
    return calm;
  }

  /** Where units that move together can go, so that nobody replaces anybody there. */
  destination(group: readonly UnitEntry[], from: MachineEntry): MachineEntry | undefined {
    const { loads, capacity } = this.#state;
    const mask = loads.all.slice();
    const conflicting = createBits(capacity);
    for (const member of group) {
      andBits(mask, this.suitable(member, group));
      orBits(conflicting, this.conflicting(member));
    }
    subtractBits(mask, conflicting);
    for (const slot of loads.inOrder(mask)) {
      const machine = this.#state.machineAt(slot);
      if (machine === undefined || machine === from) continue;
      const calm = !jobsOn(machine).some((other) => group.some((member) => replacesEntry(member, other) || replacesEntry(other, member)));
      if (calm) return machine;
    }
    return undefined;
  }

  /** The machines that are present and hold the unit, in byte order of ids, without the given one. */
  holders(entry: UnitEntry, except?: MachineEntry): MachineEntry[] {
    const held = this.#held.get(entry.name);
    if (held === undefined) return [];
    const machines = [...held].flatMap((id) => this.#state.machine(id) ?? []);
    return machines.filter((machine) => machine.present && machine !== except).sort((a, b) => a.slot - b.slot);
  }

  /** What is wrong with a machine for a unit, conflicts left out. */
  unfitApart(entry: UnitEntry, machine: MachineEntry): reason.Unfit | null {
    const { requirements } = entry.unit;
    if (!meetsMachineId(machine.machine, requirements)) return reason.wrongMachineId(machine.id, requirements.machineId ?? '');
    if (!meetsMetadata(machine.machine.metadata, requirements.metadata)) return reason.metadataInsufficient;
    const missing = requirements.machineOf.find((peer) => !this.#state.isCountedOn(peer, machine));
    return missing === undefined ? null : reason.peerMissing(missing);
  }
}

/** Whether two units conflict, by what is known of their patterns. */
export function conflictEntries(a: UnitEntry, b: UnitEntry): boolean {
  return a !== b && (a.conflicts.some((pattern) => pattern.matches(b)) || b.conflicts.some((pattern) => pattern.matches(a)));
}

/** Whether a unit makes another leave; two that replace each other leave each other alone. */
export function replacesEntry(replacer: UnitEntry, other: UnitEntry): boolean {
  if (replacer === other || replacer.global || other.global) return false;
  return replacer.replaces.some((pattern) => pattern.matches(other)) && !other.replaces.some((pattern) => pattern.matches(replacer));
}

function jobsOn(machine: MachineEntry): UnitEntry[] {
  return [...machine.placed].filter((entry) => entry.counted);
}
