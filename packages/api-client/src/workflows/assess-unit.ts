import type { UnitStateInfo, UnitSummary } from '@fleet/api/wire';
import type { ClusterView } from './cluster-view.ts';

/** What a command waits for. `stopped`: launched nowhere, whether loaded or not; `destroyed`: unknown, and gone from every machine. */
export type Goal = 'inactive' | 'loaded' | 'launched' | 'stopped' | 'destroyed';

/**
 * How a unit stands towards a goal. It counts once the same verdict has held for `holdsMs`: the cluster needs a moment to answer, and a unit
 * that dies at once looks well for an instant.
 */
export type Assessment =
  | { readonly kind: 'reached'; readonly state: string; readonly machine: string | undefined; readonly holdsMs: number }
  /** `impatient`: given up after `holdsMs` even by those who are willing to wait, unless for ever. */
  | { readonly kind: 'waiting'; readonly doing: string; readonly machine: string | undefined; readonly holdsMs: number }
  | { readonly kind: 'unplaceable'; readonly reason: string; readonly holdsMs: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly machine: string | undefined; readonly holdsMs: number };

/** A unit that dies at once is active for an instant first. */
const CONFIRM_ACTIVE_MS = 30;
/** A one-shot unit that is done looks like one that has not begun. */
const CONFIRM_DONE_MS = 1_000;
/** A report of failure may still be about the run before. */
const CONFIRM_FAILED_MS = 100;
/** A follower and its target, started together, wait for each other for an instant. */
const CONFIRM_UNPLACEABLE_MS = 500;
/** A unit that is restarted after a failure may get there in the end. */
const CONFIRM_RESTARTING_MS = 3_000;
/** The machine says why it cannot do it; it tries again, and may have been asked in the middle of something. */
const CONFIRM_REFUSED_MS = 1_000;
const CONFIRM_STUCK_MS = 5_000;
/** A reason that goes away by itself. */
const WAITS_ITS_TURN = /^waits for /;
/** Without a report of version 2 an old one cannot be told from a new one. */
const LEGACY_CONFIRM_MS = 1_000;
/** Nobody answers: neither the engine nor the machine. */
const NO_ANSWER_MS = 60_000;
/** What systemd is doing takes as long as it takes. */
const FOR_EVER = Number.POSITIVE_INFINITY;

/** Judges one unit by what is known now. Pure. */
export function assessUnit(name: string, goal: Goal, view: ClusterView): Assessment {
  const unit = view.units.get(name);
  if (goal === 'destroyed') return assessGone(name, unit, view);
  if (unit === undefined) return { kind: 'failed', reason: 'it was destroyed', machine: undefined, holdsMs: 0 };
  if (unit.global) return assessEverywhere(unit, goal, [...(view.states.get(name)?.values() ?? [])]);
  const machine = unit.machineID;
  const report = machine === undefined ? undefined : view.states.get(name)?.get(machine);
  switch (goal) {
    case 'inactive':
      if (unit.currentState === 'inactive') return { kind: 'reached', state: 'inactive', machine: undefined, holdsMs: 0 };
      return leaving(report, machine);
    case 'stopped':
      if (unit.currentState !== 'launched') return { kind: 'reached', state: unit.currentState, machine, holdsMs: 0 };
      return leaving(report, machine);
    case 'loaded':
    case 'launched':
      return assessArriving(unit, goal, report);
  }
}

function assessArriving(unit: UnitSummary, goal: 'loaded' | 'launched', report: UnitStateInfo | undefined): Assessment {
  const machine = unit.machineID;
  if (unit.pending !== undefined && unit.currentState === 'inactive') return { kind: 'unplaceable', reason: unit.pending.summary, holdsMs: CONFIRM_UNPLACEABLE_MS };
  if (machine === undefined || machine === '') return { kind: 'waiting', doing: 'waiting for a machine', machine: undefined, holdsMs: NO_ANSWER_MS };
  if (report === undefined || report.generation !== unit.generation || (report.hash !== '' && report.hash !== unit.hash)) {
    return { kind: 'waiting', doing: 'being loaded', machine, holdsMs: NO_ANSWER_MS };
  }
  const reason = report.reason ?? '';
  if (unit.currentState !== goal) {
    // The reason of a unit that has failed is about the run before.
    if (WAITS_ITS_TURN.test(reason) || (reason !== '' && report.active !== 'failed')) return heldBack(reason, machine);
    const doing = report.active === 'deactivating' ? 'stopping' : 'being asked of systemd';
    return { kind: 'waiting', doing, machine, holdsMs: report.active === 'deactivating' ? FOR_EVER : NO_ANSWER_MS };
  }
  return goal === 'loaded' ? assessLoaded(report) : assessRun(unit, report);
}

/** Whether a machine that has been asked for no more has the unit: one that cannot have it says why. */
function assessLoaded({ machineID: machine, load, reason = '' }: UnitStateInfo): Assessment {
  if (load !== 'not-found' || reason === '') return { kind: 'reached', state: 'loaded', machine, holdsMs: 0 };
  return heldBack(reason, machine);
}

/** A unit that its machine does not take up, by the reason it gives. */
function heldBack(reason: string, machine: string | undefined): Assessment {
  if (WAITS_ITS_TURN.test(reason)) return { kind: 'waiting', doing: reason, machine, holdsMs: FOR_EVER };
  return { kind: 'failed', reason, machine, holdsMs: CONFIRM_REFUSED_MS };
}

/** How a unit does on a machine that has been asked to run it. */
function assessRun(unit: UnitSummary, report: UnitStateInfo): Assessment {
  const machine = report.machineID;
  const legacy = unit.generation === 0;
  const reason = report.reason ?? '';
  if (report.load !== '' && report.load !== 'loaded') {
    return { kind: 'failed', reason: `systemd cannot load it (load state ${report.load})`, machine, holdsMs: legacy ? LEGACY_CONFIRM_MS : CONFIRM_FAILED_MS };
  }
  switch (report.active) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return { kind: 'reached', state: 'launched', machine, holdsMs: unit.name.endsWith('.service') && report.sub === 'running' ? CONFIRM_ACTIVE_MS : 0 };
    case 'failed':
      return { kind: 'failed', reason: reason === '' ? `systemd says ${report.active} (${report.sub})` : reason, machine, holdsMs: legacy ? LEGACY_CONFIRM_MS : CONFIRM_FAILED_MS };
    case 'inactive':
      return { kind: 'reached', state: 'launched', machine, holdsMs: CONFIRM_DONE_MS };
    case 'activating':
      if (report.sub === 'auto-restart') return { kind: 'failed', reason: 'it keeps failing and being restarted (auto-restart)', machine, holdsMs: CONFIRM_RESTARTING_MS };
      return { kind: 'waiting', doing: report.sub === '' ? 'starting' : `starting (${report.sub})`, machine, holdsMs: FOR_EVER };
    default:
      return { kind: 'waiting', doing: report.active === '' ? 'waiting for its state' : report.active, machine, holdsMs: FOR_EVER };
  }
}

/** A global unit, which is where its machines say that it is: every one of them has to get there. Where no machine holds it there is nothing to stop. */
function assessEverywhere(unit: UnitSummary, goal: Exclude<Goal, 'destroyed'>, reports: readonly UnitStateInfo[]): Assessment {
  if (goal === 'inactive' || goal === 'stopped') {
    const state = unit.desiredState === 'inactive' ? 'inactive' : 'loaded';
    const running = reports.find((report) => (unit.generation > 0 && (report.asked === 'launched' || report.generation < unit.generation)) || (report.active !== 'inactive' && report.active !== 'failed'));
    return running === undefined ? { kind: 'reached', state, machine: undefined, holdsMs: 0 } : leaving(running, running.machineID);
  }
  if (reports.length === 0) return { kind: 'unplaceable', reason: 'no machine holds it', holdsMs: CONFIRM_STUCK_MS };
  const verdicts = reports.map((report): Assessment => {
    if (report.generation !== unit.generation || (report.hash !== '' && report.hash !== unit.hash)) return { kind: 'waiting', doing: 'being loaded', machine: report.machineID, holdsMs: NO_ANSWER_MS };
    if (goal === 'loaded') return assessLoaded(report);
    const reason = report.reason ?? '';
    if (report.asked !== 'launched') {
      if (reason !== '' && !WAITS_ITS_TURN.test(reason) && report.active !== 'failed') return { kind: 'failed', reason, machine: report.machineID, holdsMs: CONFIRM_REFUSED_MS };
      return { kind: 'waiting', doing: 'being asked of systemd', machine: report.machineID, holdsMs: NO_ANSWER_MS };
    }
    const verdict = assessRun(unit, report);
    // Version 1 does not say whether a machine has been asked yet.
    return unit.generation === 0 && report.active === 'inactive' ? { ...verdict, holdsMs: CONFIRM_STUCK_MS } : verdict;
  });
  const notYet = verdicts.find((verdict) => verdict.kind === 'failed') ?? verdicts.find((verdict) => verdict.kind !== 'reached');
  return notYet ?? { kind: 'reached', state: goal, machine: undefined, holdsMs: Math.max(...verdicts.map((verdict) => verdict.holdsMs)) };
}

/** On its way out: systemd may take its time, a machine that does not answer loses the unit with its lease. */
function leaving(report: UnitStateInfo | undefined, machine: string | undefined): Assessment {
  const stopping = report?.active === 'deactivating';
  const reason = report?.reason ?? '';
  // The reason of a unit that has failed is about its run, not about its leaving.
  if (!stopping && reason !== '' && report?.active !== 'failed' && !WAITS_ITS_TURN.test(reason)) return { kind: 'failed', reason, machine, holdsMs: CONFIRM_STUCK_MS };
  return { kind: 'waiting', doing: stopping ? `stopping (${report.sub})` : 'being asked of systemd', machine, holdsMs: stopping ? FOR_EVER : 2 * NO_ANSWER_MS };
}

function assessGone(name: string, unit: UnitSummary | undefined, view: ClusterView): Assessment {
  if (unit !== undefined) return { kind: 'waiting', doing: 'being destroyed', machine: unit.machineID, holdsMs: NO_ANSWER_MS };
  const reports = [...(view.states.get(name)?.values() ?? [])];
  const [first] = reports;
  if (first === undefined) return { kind: 'reached', state: 'destroyed', machine: undefined, holdsMs: 0 };
  return leaving(first, first.machineID);
}
