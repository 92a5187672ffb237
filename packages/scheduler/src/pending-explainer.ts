import type { UnitName } from '@fleet/model';
import { type Bits, countBits, hasBit, createBits, eachBit, subtractBits } from './bits.ts';
import { type Candidates, conflictEntries } from './candidates.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Pattern, UnitEntry } from './entries.ts';
import { describeFits, describeHolders, describeMetadata, describePending, findMalformed, NAMED_CONFLICTS, RejectionCounter } from './explain.ts';
import { compareBytes } from './order.ts';
import type { Pending, PlacementExplanation, Rejection } from './types.ts';

/** Circles are looked for among so many units: to look from each of a long one would take the square of its length. */
const LONGEST_CIRCLE = 24;

/** Counts why machines will not do for a unit, whole sets of machines at a time. */
export class PendingExplainer {
  readonly #state: ClusterState;
  readonly #candidates: Candidates;

  constructor(state: ClusterState, candidates: Candidates) {
    this.#state = state;
    this.#candidates = candidates;
  }

  explain(entry: UnitEntry): Pending {
    return describePending(entry.name, this.#state.machineCount, this.#rejections(entry), this.#peerRemarks(entry));
  }

  explainPlacement(entry: UnitEntry): PlacementExplanation {
    const rejections = this.#rejections(entry);
    const machines = this.#state.machineCount;
    const fits = machines - rejections.reduce((sum, rejection) => sum + rejection.machines, 0);
    const placed = entry.machine?.id ?? null;
    const standing = !entry.active ? 'inactive' : entry.global ? 'global' : placed === null ? 'unplaced' : 'placed';
    const text = (verb: string): string => describeFits(fits, machines, verb, rejections, this.#peerRemarks(entry));
    const summaries = {
      inactive: () => 'its target state is inactive, so no machine holds it',
      global: () => text('runs on'),
      placed: () => `on machine ${placed ?? ''}; ${text('fits')}`,
      unplaced: () => text('fits'),
    };
    const machine = entry.global ? null : placed;
    return { unit: entry.name, standing, machine, machines, fits, rejections, summary: summaries[standing]() };
  }

  #rejections(entry: UnitEntry): Rejection[] {
    const counter = new RejectionCounter();
    const malformed = entry.global ? null : findMalformed(entry.unit.requirements);
    if (malformed !== null) counter.add('malformed', malformed, this.#state.machineCount);
    else this.#count(entry, counter);
    return counter.rejections();
  }

  #count(entry: UnitEntry, counter: RejectionCounter): void {
    const { machineId, metadata, machineOf } = entry.unit.requirements;
    const rest = this.#state.loads.all.slice();
    const narrow = (code: 'machine-id' | 'metadata' | 'machine-of', detail: string, keep: () => void): void => {
      const before = countBits(rest);
      keep();
      counter.add(code, detail, before - countBits(rest));
    };
    // Of a global unit only the metadata and the conflicts count.
    if (machineId !== null && !entry.global) narrow('machine-id', machineId, () => this.#state.index.keepId(rest, machineId));
    for (const [key, allowed] of metadata) {
      narrow('metadata', describeMetadata(key, allowed), () => this.#state.index.keepMetadata(rest, key, allowed));
    }
    for (const peer of entry.global ? [] : machineOf) {
      narrow('machine-of', peer, () => this.#candidates.keepMachinesOf(rest, peer));
    }
    const conflicting = createBits(this.#state.capacity);
    this.#candidates.addConflicting(entry, conflicting);
    const fit = rest.slice();
    subtractBits(fit, conflicting);
    if (entry.global) entry.running.orInto(fit);
    subtractBits(rest, fit);
    this.#countConflicts(entry, rest, counter);
    this.#countHeld(entry, fit, counter);
  }

  #countConflicts(entry: UnitEntry, machines: Bits, counter: RejectionCounter): void {
    const count = countBits(machines);
    if (count === 0) return;
    if (count <= NAMED_CONFLICTS) {
      for (const slot of eachBit(machines)) {
        const machine = this.#state.machineAt(slot);
        const other = machine && this.#state.countedOn(machine).find((each) => conflictEntries(entry, each));
        if (other !== undefined) counter.add('conflict', other.name);
      }
      return;
    }
    const take = (pattern: Pattern, machinesOfPattern: Bits): void => {
      const before = countBits(machines);
      subtractBits(machines, machinesOfPattern);
      counter.add('conflict', pattern.text, before - countBits(machines));
    };
    for (const pattern of entry.conflicts) {
      const matched = createBits(this.#state.capacity);
      if (pattern.universal) this.#state.loads.orLoadedInto(matched);
      else pattern.matched.orInto(matched);
      take(pattern, matched);
    }
    const foreign = [...this.#state.patterns.matching(entry)].filter((pattern) => pattern.conflicting.size > 0);
    for (const pattern of foreign.sort((a, b) => compareBytes(a.text, b.text))) {
      const declared = createBits(this.#state.capacity);
      pattern.conflicting.orInto(declared);
      take(pattern, declared);
    }
  }

  #countHeld(entry: UnitEntry, fit: Bits, counter: RejectionCounter): void {
    const holders = this.#candidates.holders(entry);
    if (holders.length === 0) return;
    let others = countBits(fit);
    for (const holder of holders) {
      if (!hasBit(fit, holder.slot)) continue;
      others--;
      const rest = holders.filter((each) => each !== holder).map(({ id }) => id);
      if (rest.length > 0) counter.add('held', describeHolders(rest));
    }
    counter.add('held', describeHolders(holders.map(({ id }) => id)), others);
  }

  #peerRemarks(entry: UnitEntry): ReadonlyMap<string, string> {
    const remarks = new Map<string, string>();
    for (const peer of entry.unit.requirements.machineOf) {
      const remark = this.#peerRemark(entry, peer);
      if (remark !== '') remarks.set(peer, remark);
    }
    return remarks;
  }

  /** What to say of a peer that is on no machine; empty if it is on one. */
  #peerRemark(entry: UnitEntry, peer: string): string {
    const target = this.#state.units.get(peer as UnitName);
    if (target === undefined) return 'no such unit';
    if (!target.active) return 'inactive';
    if (target.global || target.machine !== null) return '';
    const circle = this.#findCircle(entry, peer);
    if (circle === 'too long') return `itself behind a chain or circle of more than ${LONGEST_CIRCLE} units without a machine`;
    return circle === null ? 'itself without a machine' : `circle ${circle.join(' → ')}`;
  }

  /** The way from the unit over peers without a machine back to itself, if it is short enough to be shown. */
  #findCircle(entry: UnitEntry, peer: string): readonly string[] | 'too long' | null {
    const cameFrom = new Map<string, string | null>([[peer, null]]);
    const stack = [peer];
    for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
      if (name === entry.name) return this.#wayBack(entry.name, cameFrom);
      const next = this.#state.units.get(name as UnitName);
      if (next === undefined || next.global || next.machine !== null) continue;
      for (const target of [...next.unit.requirements.machineOf].reverse()) {
        if (cameFrom.has(target)) continue;
        if (cameFrom.size >= LONGEST_CIRCLE) return 'too long';
        cameFrom.set(target, name);
        stack.push(target);
      }
    }
    return null;
  }

  #wayBack(name: string, cameFrom: ReadonlyMap<string, string | null>): readonly string[] {
    const way = [name];
    for (let at = cameFrom.get(name); at !== undefined && at !== null; at = cameFrom.get(at)) way.unshift(at);
    return [name, ...way];
  }
}
