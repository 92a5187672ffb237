import type { UnitName } from '@fleet/model';
import { clearBit, firstCommonBit } from './bits.ts';
import { type Candidates, conflictEntries, replacesEntry } from './candidates.ts';
import type { ClusterState } from './cluster-state.ts';
import type { MachineEntry, UnitEntry } from './entries.ts';
import { compareBytes, sortByName, sortBytes } from './order.ts';
import * as reason from './reason.ts';
import { shapeOf } from './shape.ts';
import type { Reason, Step } from './types.ts';

/**
 * Passes over what is dirty. A pass first takes away what cannot stay, then places what has no machine; each decision sees the effects of
 * those before it. What one pass makes necessary or possible is dirty for the next.
 */
export class Planner {
  readonly #state: ClusterState;
  readonly #candidates: Candidates;
  /** Machines where a unit should be replaced and has nowhere to go. */
  readonly #blocked = new Set<MachineEntry>();
  /** Units that wait for a machine to let them go. */
  readonly #heldBack = new Set<UnitEntry>();
  #steps: Step[] = [];

  constructor(state: ClusterState, candidates: Candidates) {
    this.#state = state;
    this.#candidates = candidates;
  }

  /** The steps of one pass; applied to the state. */
  pass(): Step[] {
    this.#steps = [];
    this.#dropStale();
    this.#dropUnfit();
    this.#dropConflicting();
    this.#moveReplaced();
    this.#placeWaiting();
    return this.#steps;
  }

  #dropStale(): void {
    const { dirt, orphans, units } = this.#state;
    for (const name of sortBytes(dirt.stale)) {
      dirt.stale.delete(name);
      const entry = units.get(name);
      const orphan = orphans.get(name);
      if (entry !== undefined) this.#unschedule(entry, reason.becameGlobal);
      else if (orphan !== undefined) {
        orphans.delete(name);
        this.#steps.push({ kind: 'unschedule', unit: name, machine: orphan, reason: reason.unitGone });
      }
    }
  }

  /** In waves: what leaves in one may leave others without what they need in the next. */
  #dropUnfit(): void {
    const { review } = this.#state.dirt;
    while (review.size > 0) {
      const wave = sortByName([...review].filter((entry) => this.#whyDrop(entry) !== null));
      review.clear();
      for (const entry of wave) {
        // What left a moment ago may have been in the way of what this one needs.
        const why = this.#whyDrop(entry);
        if (why !== null) this.#unschedule(entry, why);
      }
    }
  }

  #whyDrop(entry: UnitEntry): Reason | null {
    const { machine } = entry;
    if (machine === null || entry.global) return null;
    if (!entry.active) return reason.targetInactive;
    if (!machine.present) return reason.machineGone(machine.id);
    const unfit = this.#candidates.unfitApart(entry, machine);
    return unfit === null ? null : reason.machineUnfit(machine.id, unfit);
  }

  /** Of units in conflict on a machine keeps those that can live nowhere else, then the first by name, as the machine itself does. */
  #dropConflicting(): void {
    const machines = [...this.#state.dirt.machines].sort((a, b) => a.slot - b.slot);
    for (const machine of machines) {
      const clashing = sortByName([...machine.placed].filter((entry) => entry.counted && this.#state.hasConflict(entry, machine)));
      if (clashing.length === 0) continue;
      const movable = new Set(clashing.filter((entry) => this.#canLiveElsewhere(entry, machine)));
      const kept = new Set<UnitEntry>();
      for (const entry of [...clashing.filter((each) => !movable.has(each)), ...movable]) {
        if (![...kept].some((other) => conflictEntries(entry, other))) kept.add(entry);
      }
      const there = this.#state.countedOn(machine);
      for (const entry of clashing) {
        if (kept.has(entry)) continue;
        // One whose peer has just been thrown out lacks that before it is in conflict.
        const unfit = this.#candidates.unfitApart(entry, machine) ?? this.#findConflict(entry, machine, there);
        if (unfit !== null) this.#unschedule(entry, reason.machineUnfit(machine.id, unfit));
      }
    }
    this.#dropUnfit();
  }

  /** The conflict that the original would name: the one with the first unit, in byte order, that is still there. */
  #findConflict(entry: UnitEntry, machine: MachineEntry, there: readonly UnitEntry[]): reason.Unfit | null {
    const other = there.find((each) => (each.global || each.machine === machine) && conflictEntries(entry, each));
    if (other === undefined) return null;
    const declaredByOther = other.conflicts.some((pattern) => pattern.matches(entry));
    return reason.conflictFound(entry.name, other.name, declaredByOther);
  }

  #canLiveElsewhere(entry: UnitEntry, machine: MachineEntry): boolean {
    const fit = this.#candidates.fit(entry);
    clearBit(fit, machine.slot);
    return firstCommonBit(fit, fit) >= 0;
  }

  #moveReplaced(): void {
    const { dirt } = this.#state;
    const machines = new Set(dirt.machines);
    dirt.machines.clear();
    let withBlocked = dirt.freed;
    dirt.freed = false;
    if (withBlocked) {
      for (const machine of this.#blocked) machines.add(machine);
      this.#blocked.clear();
    }
    let queue = sortByName(this.#replacersOn(machines));
    for (let at = 0; at < queue.length; at++) {
      const replacer = queue[at];
      if (replacer === undefined || !this.#moveFor(replacer) || withBlocked) continue;
      // What has just moved may have made room for what could not move before.
      withBlocked = true;
      const later = this.#replacersOn(this.#blocked).filter((each) => compareBytes(each.name, replacer.name) > 0);
      queue = [...queue.slice(0, at + 1), ...sortByName(new Set([...queue.slice(at + 1), ...later]))];
    }
    this.#dropUnfit();
  }

  #replacersOn(machines: Iterable<MachineEntry>): UnitEntry[] {
    return [...machines].flatMap((machine) => [...machine.placed].filter((entry) => entry.counted && entry.replaces.length > 0));
  }

  /** Moves what a unit replaces on its machine; whether anything moved. */
  #moveFor(replacer: UnitEntry): boolean {
    const { machine } = replacer;
    if (machine === null || !replacer.counted) return false;
    const victims = sortByName([...machine.placed].filter((other) => other.counted && replacesEntry(replacer, other)));
    let moved = false;
    for (const victim of victims) {
      const group = this.#withFollowers(victim, machine);
      // A replacer that follows what it replaces would come along.
      const destination = group.includes(replacer) ? undefined : this.#candidates.destination(group, machine);
      if (destination === undefined) {
        this.#blocked.add(machine);
        continue;
      }
      moved = true;
      const why = reason.replaced(machine.id, victim.name, replacer.name);
      this.#unschedule(victim, why);
      if (this.#candidates.holders(victim, destination).length === 0) this.#schedule(victim, destination, why);
      else this.#heldBack.add(victim);
    }
    return moved;
  }

  /** A unit and those that have to leave the machine with it. */
  #withFollowers(entry: UnitEntry, machine: MachineEntry): readonly UnitEntry[] {
    const group = new Set([entry]);
    for (const member of group) {
      for (const follower of member.followers) if (follower.counted && follower.machine === machine) group.add(follower);
    }
    return [...group];
  }

  /** In waves: a unit is placed in the wave after the last of its peers. */
  #placeWaiting(): void {
    const { dirt, waiting } = this.#state;
    const hopeless = new Set<string>();
    if (dirt.everyTry) for (const entry of waiting) dirt.tries.add(entry);
    dirt.everyTry = false;
    this.#tryHeldBack();
    while (dirt.tries.size > 0) {
      const wave = [...dirt.tries].filter((entry) => entry.waiting);
      dirt.tries.clear();
      for (const entry of sortByName(wave.filter((each) => this.#peersPlaced(each)))) this.#place(entry, hopeless);
      for (const entry of wave) if (entry.waiting) dirt.standing.add(entry);
    }
  }

  /** Whatever happens elsewhere may make the machine that still holds a unit the best one for it. */
  #tryHeldBack(): void {
    for (const entry of this.#heldBack) {
      const [holder, ...more] = entry.waiting ? this.#candidates.holders(entry) : [];
      if (holder === undefined) this.#heldBack.delete(entry);
      else if (more.length === 0 && this.#candidates.isFit(entry, holder)) this.#state.dirt.tries.add(entry);
    }
  }

  #peersPlaced(entry: UnitEntry): boolean {
    const { machineOf } = entry.unit.requirements;
    if (machineOf.length === 0) return true;
    return machineOf.every((peer) => {
      const target = this.#state.units.get(peer as UnitName);
      return target !== undefined && (target.global || target.machine !== null);
    });
  }

  /** @param hopeless Shapes that fit nowhere; within a pass, placing others only makes that more so. */
  #place(entry: UnitEntry, hopeless: Set<string>): void {
    const shape = hopeless.size > 0 && entry.unit.requirements.machineOf.length === 0 ? shapeOf(entry) : null;
    if (shape !== null && hopeless.has(shape)) return;
    const machine = this.#candidates.choose(entry);
    if (machine === undefined) {
      if (entry.unit.requirements.machineOf.length === 0) hopeless.add(shapeOf(entry));
    } else if (this.#candidates.holders(entry, machine).length === 0) {
      this.#schedule(entry, machine, reason.notScheduled(entry.unit.targetState));
    } else this.#heldBack.add(entry);
  }

  #unschedule(entry: UnitEntry, why: Reason): void {
    const { machine } = entry;
    if (machine === null) return;
    this.#state.assign(entry, null);
    this.#steps.push({ kind: 'unschedule', unit: entry.name, machine: machine.id, reason: why });
    if (entry.waiting) this.#state.dirt.tries.add(entry);
  }

  #schedule(entry: UnitEntry, machine: MachineEntry, why: Reason): void {
    this.#state.assign(entry, machine);
    this.#steps.push({ kind: 'schedule', unit: entry.name, machine: machine.id, reason: why });
    if (this.#mayReplace(entry, machine)) this.#state.dirt.machines.add(machine);
  }

  #mayReplace(entry: UnitEntry, machine: MachineEntry): boolean {
    if (entry.replaces.length > 0) return true;
    for (const pattern of this.#state.patterns.matching(entry)) if (pattern.replacing.count(machine.slot) > 0) return true;
    return false;
  }
}
