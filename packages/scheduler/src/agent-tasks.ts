import type { TargetState } from '@fleet/model';
import { compareBytes } from './order.ts';

/** A unit that the machine should hold. */
export interface DesiredUnit {
  readonly name: string;
  /** `inactive` means not to hold it. A word other than the three, as an original cluster may store, asks for the unit to be loaded. */
  readonly targetState: string;
  readonly hash: string;
}

/** A unit whose file is on the machine. */
export interface CurrentUnit {
  readonly name: string;
  /** What was last asked of systemd for it; `inactive` if that is not known, as for a file found after a restart. */
  readonly state: TargetState;
  /** Hash of the file that is there; empty if unknown. */
  readonly hash: string;
}

/** One thing to do to a unit, or to systemd as a whole. */
export type AgentTask =
  | { readonly kind: 'unload' | 'load' | 'stop' | 'start'; readonly unit: string; readonly reason: string }
  | { readonly kind: 'reload'; readonly unit: null; readonly reason: string };

const NOT_SCHEDULED_HERE = 'unit loaded but not scheduled here';
const HASH_DIFFERS = 'unit loaded but hash differs to expected';
const NOT_LOADED = 'unit scheduled here but not loaded';
const LAUNCH = 'unit currently loaded but desired state is launched';
const STOP = 'unit currently launched but desired state is loaded';
const RELOAD: AgentTask = { kind: 'reload', unit: null, reason: 'always reload unit files' };

const KINDS: readonly AgentTask['kind'][] = ['unload', 'load', 'reload', 'stop', 'start'];

/**
 * The tasks that lead from what a machine holds to what it should hold (as fleet `agent/reconcile.go`): all unloads, then loads, one
 * reload if there was any of both, stops and starts, each in byte order of names. The tasks of one unit depend on each other in this
 * order; tasks of different units do not.
 */
export function planAgentTasks(desired: readonly DesiredUnit[], current: readonly CurrentUnit[]): readonly AgentTask[] {
  const wanted = new Map(desired.map((unit) => [unit.name, unit]));
  const present = new Map(current.map((unit) => [unit.name, unit]));
  const names = [...new Set([...wanted.keys(), ...present.keys()])].sort(compareBytes);
  const tasks = names.flatMap((name) => planUnitTasks(name, wanted.get(name), present.get(name)));
  if (tasks.some((task) => task.kind === 'unload' || task.kind === 'load')) tasks.push(RELOAD);
  return KINDS.flatMap((kind) => tasks.filter((task) => task.kind === kind));
}

/** The tasks of one unit, in the order in which they must run. No reload is among them. */
export function planUnitTasks(name: string, desired: DesiredUnit | undefined, current: CurrentUnit | undefined): AgentTask[] {
  const wanted = desired === undefined || desired.targetState === 'inactive' ? undefined : desired;
  if (wanted === undefined) return current === undefined ? [] : [{ kind: 'unload', unit: name, reason: NOT_SCHEDULED_HERE }];
  const load: AgentTask = { kind: 'load', unit: name, reason: NOT_LOADED };
  const start: AgentTask = { kind: 'start', unit: name, reason: LAUNCH };
  const bring = wanted.targetState === 'launched' ? [load, start] : [load];
  if (current === undefined) return bring;
  if (current.hash !== wanted.hash) return [{ kind: 'unload', unit: name, reason: HASH_DIFFERS }, ...bring];
  // Any word but the three is no change to what is there.
  switch (wanted.targetState) {
    case 'launched':
      return current.state === 'launched' ? [] : current.state === 'loaded' ? [start] : bring;
    case 'loaded':
      return current.state === 'loaded' ? [] : current.state === 'launched' ? [{ kind: 'stop', unit: name, reason: STOP }] : bring;
    default:
      return current.state === 'inactive' ? bring : [];
  }
}
