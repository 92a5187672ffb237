import type { MachineId } from '@fleet/model';

export interface MachineJudgeOptions {
  /** How long a machine that was already missing at the start is given to come back. */
  readonly graceMs: number;
  /** Machines that vanish within this time of each other count as vanished at once. */
  readonly windowMs: number;
  /** Evacuation pauses when more than this share of the machines vanished at once, 0 to 1; 1 never pauses. */
  readonly pauseShare: number;
  /** … and at least this many of them, so that small clusters fail over. */
  readonly pauseMinimum: number;
}

/** While machines count that may yet be heard of again, they are asked for again after this. */
const LISTEN_AGAIN_MS = 1000;

/** Why evacuation stands still. */
export interface EvacuationPause {
  /** Machines that are missing and not evacuated. */
  readonly held: readonly MachineId[];
  /** How many machines vanished together, held or not, those included that have been silent for so long that they are about to. */
  readonly vanished: number;
  /** How many machines the cluster has, vanished ones included. */
  readonly known: number;
}

export interface Judgement {
  /** Machines to be evacuated, first named in this judgement. */
  readonly dead: readonly MachineId[];
  readonly pause: EvacuationPause | null;
  /** When to judge again although nothing happened, on the caller's clock; null if never. */
  readonly nextAt: number | null;
}

const NONE: ReadonlySet<MachineId> = new Set();

interface Missing {
  /** From when on it may be declared dead. */
  from: number;
  /** Left in good order: counts as no loss. */
  readonly clean: boolean;
  dead: boolean;
}

/**
 * Decides which missing machines are dead. Pure but for its memory; times come from the caller.
 *
 * A machine whose key vanishes is dead at once, since its lease has ended. One that was missing when this leader began
 * is given {@link MachineJudgeOptions.graceMs}: the store may have been away for longer than everybody's lease. When
 * an unusual share vanishes at once, or is silent when the first of them vanishes, something else than machines has probably
 * failed, and nothing is declared dead until enough of them are back or {@link MachineJudge.confirm} is called (docs/decisions/0070).
 */
export class MachineJudge {
  readonly #options: MachineJudgeOptions;
  readonly #present = new Set<MachineId>();
  readonly #missing = new Map<MachineId, Missing>();
  /** What evacuation is paused for: machines lost, or machines that were only silent. */
  #paused: 'loss' | 'silence' | null = null;

  constructor(options: MachineJudgeOptions) {
    this.#options = options;
  }

  /** The machine has a key. */
  appeared(machine: MachineId): void {
    this.#present.add(machine);
    this.#missing.delete(machine);
  }

  /** The machine's key is gone. `clean` if it had given up its units before. */
  vanished(machine: MachineId, now: number, clean: boolean): void {
    if (!this.#present.delete(machine)) return;
    this.#missing.set(machine, { from: now, clean, dead: false });
  }

  /** The machine's key is gone, but its lease is not: someone deleted the key, and a machine that lives writes it again. */
  doubted(machine: MachineId, now: number): void {
    const entry = this.#missing.get(machine);
    if (entry?.dead === false) entry.from = now + this.#options.graceMs;
  }

  /** The machine is referred to but was not there when this leader began. */
  foundMissing(machine: MachineId, now: number): void {
    if (this.#present.has(machine) || this.#missing.has(machine)) return;
    this.#missing.set(machine, { from: now + this.#options.graceMs, clean: false, dead: false });
  }

  isPresent(machine: MachineId): boolean {
    return this.#present.has(machine);
  }

  isDead(machine: MachineId): boolean {
    return this.#missing.get(machine)?.dead === true;
  }

  /** Missing and not declared dead: nothing is concluded about its units. */
  isDoubtful(machine: MachineId): boolean {
    return this.#missing.get(machine)?.dead === false;
  }

  /** Whether {@link judge} is about to declare a machine dead, and it matters which others are silent. */
  isAboutToDeclare(now: number): boolean {
    const { pauseShare, pauseMinimum } = this.#options;
    if (pauseShare >= 1 || this.#present.size + this.#missing.size < pauseMinimum) return false;
    for (const { dead, clean, from } of this.#missing.values()) if (!dead && !clean && from <= now) return true;
    return false;
  }

  /** An operator says that the machines that are held now are dead. Returns them. */
  confirm(now: number): readonly MachineId[] {
    const confirmed: MachineId[] = [];
    if (this.#paused === null) return confirmed;
    for (const [machine, entry] of this.#missing) {
      if (entry.dead || entry.from > now) continue;
      entry.dead = true;
      confirmed.push(machine);
    }
    this.#paused = null;
    // The incident is over: what remains must not count towards the next one.
    for (const [machine, entry] of this.#missing) if (entry.dead) this.#missing.set(machine, { ...entry, clean: true });
    return confirmed.sort();
  }

  /** @param silent machines that have not extended their lease for long; they count as vanishing with those that have. */
  judge(now: number, silent: ReadonlySet<MachineId> = NONE): Judgement {
    let nextAt: number | null = null;
    const due: [MachineId, Missing][] = [];
    let vanished = 0;
    for (const [machine, entry] of this.#missing) {
      if (!entry.dead && entry.from > now) {
        nextAt = Math.min(nextAt ?? entry.from, entry.from);
        continue;
      }
      if (!entry.dead) due.push([machine, entry]);
      // While paused the incident is counted as a whole, however long ago it began.
      if (!entry.clean && (!entry.dead || this.#paused !== null || entry.from > now - this.#options.windowMs)) vanished += 1;
    }
    const known = this.#present.size + vanished;
    const isUnusual = (lost: number): boolean => lost >= this.#options.pauseMinimum && lost > this.#options.pauseShare * known;
    const vanishing = vanished + [...silent].filter((machine) => this.#present.has(machine)).length;
    const held = isUnusual(vanishing) ? due.filter(([, entry]) => !entry.clean) : [];
    const resumed = this.#paused === 'loss' && held.length === 0;
    if (held.length === 0) this.#paused = null;
    else if (isUnusual(vanished)) this.#paused = 'loss';
    else {
      this.#paused ??= 'silence';
      nextAt = Math.min(nextAt ?? Infinity, now + LISTEN_AGAIN_MS);
    }
    const dead: MachineId[] = [];
    for (const [machine, entry] of due) {
      if (this.#paused !== null && !entry.clean) continue;
      if (resumed && !entry.clean) {
        // Enough are back; the others are given the time of a new leader, since machines return one by one.
        entry.from = now + this.#options.graceMs;
        nextAt = Math.min(nextAt ?? entry.from, entry.from);
        continue;
      }
      entry.dead = true;
      dead.push(machine);
    }
    return {
      dead: dead.sort(),
      pause: this.#paused === null ? null : { held: held.map(([machine]) => machine).sort(), vanished: vanishing, known },
      nextAt,
    };
  }

  /** Drops what need not be remembered: dead machines outside the window to which nothing refers any more. */
  forget(now: number, isReferred: (machine: MachineId) => boolean): void {
    if (this.#paused !== null) return;
    for (const [machine, entry] of this.#missing) {
      if (entry.dead && entry.from <= now - this.#options.windowMs && !isReferred(machine)) this.#missing.delete(machine);
    }
  }
}
