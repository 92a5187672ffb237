import type { MachineId, UnitName } from '@fleet/model';
import { andBits, type Bits, clearBit, createBits, eachBit, hasBit, setBit, subtractBits } from './bits.ts';
import type { ClusterState } from './cluster-state.ts';
import type { MachineEntry, UnitEntry } from './entries.ts';
import { meetsMachineId, meetsMetadata } from './fitness.ts';
import * as reason from './reason.ts';

/** Answers which machines will do for a unit, whole sets of machines at a time. */
export class Candidates {
  readonly #state: ClusterState;
  readonly #held: ReadonlyMap<UnitName, ReadonlySet<MachineId>>;
  /** Taken again for every question: they are asked tens of thousands of times in a row. */
  #scratch: Bits[] = [];
  #nextScratch = 0;

  constructor(state: ClusterState, held: ReadonlyMap<UnitName, ReadonlySet<MachineId>>) {
    this.#state = state;
    this.#held = held;
  }

  isFit(entry: UnitEntry, machine: MachineEntry): boolean {
    return this.unfitApart(entry, machine) === null && !this.#state.hasConflict(entry, machine);
  }

  /** Machines that fit. The set is good until the next question. */
  fit(entry: UnitEntry): Bits {
    const mask = this.#take();
    this.suitable(entry, [], mask);
    if (this.#canConflict(entry)) {
      const conflicting = this.#take();
      this.addConflicting(entry, conflicting);
      subtractBits(mask, conflicting);
    }
    return mask;
  }

  /**
   * Machines that have the id, the metadata and the peers that a unit asks for.
   * @param beside Units that would come along and need not be there yet.
   */
  suitable(entry: UnitEntry, beside: readonly UnitEntry[], into: Bits): void {
    const { index, loads } = this.#state;
    into.set(loads.all);
    const { machineId, metadata, machineOf } = entry.unit.requirements;
    if (machineId !== null) index.keepId(into, machineId);
    for (const [key, allowed] of metadata) index.keepMetadata(into, key, allowed);
    for (const peer of machineOf) if (!beside.some((other) => other.name === peer)) this.keepMachinesOf(into, peer);
  }

  /** Adds the machines where a unit in conflict with this one is counted; it is not in conflict with itself. */
  addConflicting(entry: UnitEntry, into: Bits): void {
    const { loads, patterns } = this.#state;
    for (const pattern of entry.conflicts) {
      if (pattern.universal) loads.orLoadedInto(into);
      else pattern.matched.orInto(into);
    }
    for (const pattern of patterns.matching(entry)) pattern.conflicting.orInto(into);
    if (entry.counted && entry.machine !== null && !this.#state.hasConflict(entry, entry.machine)) clearBit(into, entry.machine.slot);
  }

  /** Keeps the machines where the unit of this name is counted. */
  keepMachinesOf(mask: Bits, name: string): void {
    const entry = this.#state.units.get(name as UnitName);
    if (entry?.global === true) {
      entry.running.keepIn(mask);
      return;
    }
    const slot = entry?.counted === true ? (entry.machine?.slot ?? -1) : -1;
    const kept = slot >= 0 && hasBit(mask, slot);
    mask.fill(0);
    if (kept) setBit(mask, slot);
  }

  #asksNothing(entry: UnitEntry): boolean {
    const { machineId, metadata, machineOf } = entry.unit.requirements;
    return machineId === null && metadata.size === 0 && machineOf.length === 0 && !this.#canConflict(entry);
  }

  #canConflict(entry: UnitEntry): boolean {
    return entry.conflicts.length > 0 || this.#state.patterns.matching(entry).length > 0;
  }

  /** An empty set to work with; the oldest of a few comes around again. */
  #take(): Bits {
    const words = this.#state.loads.all.length;
    if (this.#scratch[0]?.length !== words) this.#scratch = Array.from({ length: 8 }, () => createBits(words * 32));
    const taken = this.#scratch[this.#nextScratch++ % this.#scratch.length] ?? createBits(words * 32);
    return taken.fill(0);
  }

  /**
   * The machine for a unit: the fit one with the least load and, among equals, the smallest id. A machine that still holds the unit
   * comes first, so that it need not move; one with a unit that replaces it comes last.
   */
  choose(entry: UnitEntry): MachineEntry | undefined {
    const { loads } = this.#state;
    const fit = this.#asksNothing(entry) ? loads.all : this.fit(entry);
    const calm = this.#withoutReplacers(entry, fit);
    const [holder, ...more] = this.holders(entry);
    if (holder !== undefined && more.length === 0 && hasBit(calm, holder.slot)) return holder;
    const slot = loads.first(calm);
    return this.#state.machineAt(slot >= 0 ? slot : loads.first(fit));
  }

  #withoutReplacers(entry: UnitEntry, machines: Bits): Bits {
    const patterns = this.#state.patterns.matching(entry).filter((pattern) => pattern.replacing.size > 0);
    if (patterns.length === 0) return machines;
    const replacers = this.#take();
    for (const pattern of patterns) pattern.replacing.orInto(replacers);
    andBits(replacers, machines);
    const calm = this.#take();
    calm.set(machines);
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
    const { loads } = this.#state;
    const [mask, suitable, conflicting] = [this.#take(), this.#take(), this.#take()];
    mask.set(loads.all);
    for (const member of group) {
      this.suitable(member, group, suitable);
      andBits(mask, suitable);
      this.addConflicting(member, conflicting);
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
