import { describe, expect, it } from '@jest/globals';
import { Absences } from './absences.ts';
import { makeCatalogue } from './catalogue.ts';
import { Ledger, type Sightings, type Verb } from './ledger.ts';
import { parseChaosOptions } from './options.ts';
import { Watcher } from './watcher.ts';

// The judge of a chaos run has to be right itself: what it lets pass, and what it must not.

const machines = ['m1', 'm2', 'm3'].map((name, n) => ({ name, id: String(n).repeat(32) }));
const units = makeCatalogue(machines);

/** `unit` is active with run 1, `unit!2` with run 2, `(unit)` is there and not active. */
/** Machines without an entry show nothing; those with null could not be asked. */
function seen(places: Readonly<Record<string, readonly string[] | null>>): Sightings {
  return new Map(
    machines.filter(({ name }) => places[name] !== null).map(({ name }) => [
      name,
      (places[name] ?? []).map((text) => {
        const match = /^(\()?([^!)]+)(?:!(\w+))?/.exec(text);
        return { unit: `${match?.[2] ?? ''}.service`, active: match?.[1] === undefined, run: match?.[3] ?? '1' };
      }),
    ]),
  );
}

function ledgerAfter(commands: readonly (readonly [Verb, string, 'ok' | 'failed'])[]): Ledger {
  const ledger = new Ledger(units);
  for (const [verb, unit, outcome] of commands) {
    ledger.asked(`${unit}.service`, verb, 0);
    if (outcome === 'ok') ledger.acknowledged(`${unit}.service`, verb, 0);
  }
  return ledger;
}

describe('Ledger', () => {
  it.each<{ title: string; commands: readonly (readonly [Verb, string, 'ok' | 'failed'])[]; places: Readonly<Record<string, readonly string[]>>; expected: readonly string[] }>([
    { title: 'a started unit runs', commands: [['start', 'single-0', 'ok']], places: { m2: ['single-0'] }, expected: [] },
    { title: 'a started unit does not run', commands: [['start', 'single-0', 'ok']], places: { m2: ['(single-0)'] }, expected: ['single-0.service should run and runs nowhere'] },
    { title: 'a unit is on two machines', commands: [['start', 'single-0', 'ok']], places: { m1: ['single-0'], m2: ['single-0'] }, expected: ['single-0.service is on m1 and m2'] },
    { title: 'a destroyed unit is still there', commands: [['start', 'single-0', 'ok'], ['destroy', 'single-0', 'ok']], places: { m1: ['(single-0)'] }, expected: ['single-0.service should be gone (absent) and is on m1'] },
    { title: 'a stopped unit runs', commands: [['stop', 'single-0', 'ok']], places: { m1: ['single-0'] }, expected: ['single-0.service should be stopped and runs on m1'] },
    { title: 'after a failed command either is right', commands: [['start', 'single-0', 'ok'], ['destroy', 'single-0', 'failed']], places: {}, expected: [] },
    { title: 'a unit is where it may not be', commands: [['start', 'picky-0', 'ok']], places: { m3: ['picky-0'] }, expected: ['picky-0.service runs on m3, where it may not'] },
    { title: 'a global unit is not everywhere', commands: [['start', 'global-0', 'ok']], places: { m1: ['global-0'], m3: ['global-0'] }, expected: ['global-0.service should run on m1, m2, m3 and runs on m1 and m3'] },
    { title: 'units that conflict meet', commands: [['start', 'apart-0', 'ok'], ['load', 'apart-1', 'ok']], places: { m1: ['apart-0', '(apart-1)'] }, expected: ['apart-0.service and apart-1.service conflict and are both on m1'] },
    { title: 'a follower is elsewhere', commands: [['start', 'single-0', 'ok'], ['start', 'together-0', 'ok']], places: { m1: ['single-0'], m2: ['together-0'] }, expected: ['together-0.service is on m2 and single-0.service, which it follows, on m1'] },
    { title: 'a follower of nothing may wait', commands: [['start', 'together-0', 'ok']], places: {}, expected: [] },
    { title: 'a follower must run when its target is placed', commands: [['load', 'single-0', 'ok'], ['start', 'together-0', 'ok']], places: { m1: ['(single-0)'] }, expected: ['together-0.service should run and runs nowhere'] },
  ])('$title', ({ commands, places, expected }) => {
    expect(ledgerAfter(commands).brokenPromises(seen(places))).toEqual(expected);
  });
});

describe('Watcher', () => {
  const watch = (absences: Absences, looks: readonly { readonly at: number; readonly places: Readonly<Record<string, readonly string[] | null>> }[], ledger = new Ledger(units)): readonly string[] => {
    const watcher = new Watcher({ ledger, absences, globals: new Set(['steady-global.service']), settleMs: 10 });
    return looks.flatMap(({ at, places }) => watcher.look({ from: at, to: at + 1, seen: seen(places) }));
  };
  const nobodyAway = (): Absences => new Absences({ shortestMs: 5, graceMs: 10 });
  const away = (machine: string, from: number, until: number, dead = false, outage?: { readonly from: number; readonly until: number }): Absences => {
    const absences = nobodyAway();
    if (outage !== undefined) {
      absences.beginOutage(outage.from);
      absences.endOutage(outage.until);
    }
    absences.begin(machine, from, { dead });
    absences.end(machine, until);
    return absences;
  };

  it.each([
    { title: 'a move without a cause', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-0'] } }, { at: 200, places: { m2: ['steady-0!2'] } }], expected: ['steady-0.service was moved from m1 to m2'] },
    { title: 'a restart without a cause', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-0'] } }, { at: 200, places: {} }, { at: 300, places: { m1: ['steady-0!2'] } }], expected: ['steady-0.service was started anew on m1'] },
    { title: 'a move off a machine that was away', absences: away('m1', 110, 120), looks: [{ at: 100, places: { m1: ['steady-0'] } }, { at: 200, places: { m2: ['steady-0!2'] } }], expected: [] },
    { title: 'a move off a machine that was away too shortly', absences: away('m1', 110, 112), looks: [{ at: 100, places: { m1: ['steady-0'] } }, { at: 200, places: { m2: ['steady-0!2'] } }], expected: ['steady-0.service was moved from m1 to m2'] },
    { title: 'a restart with the power gone, however shortly', absences: away('m1', 110, 111, true), looks: [{ at: 100, places: { m1: ['steady-0'] } }, { at: 200, places: { m1: ['steady-0!2'] } }], expected: [] },
    { title: 'two machines, seen once', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }], expected: [] },
    { title: 'two machines, seen twice', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }, { at: 101, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }], expected: ['steady-0.service runs on m1 and m2 at the same time'] },
    { title: 'two machines, one of them away', absences: away('m1', 90, 200), looks: [{ at: 100, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }, { at: 101, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }], expected: [] },
    { title: 'two machines, one of them back while there is no store', absences: away('m1', 50, 60, false, { from: 65, until: 205 }), looks: [{ at: 100, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }, { at: 101, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }], expected: [] },
    { title: 'two machines, one of them back, and the store long ago', absences: away('m1', 50, 60, false, { from: 65, until: 80 }), looks: [{ at: 100, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }, { at: 101, places: { m1: ['steady-0'], m2: ['steady-0!2'] } }], expected: ['steady-0.service runs on m1 and m2 at the same time'] },
    { title: 'a second place while the first cannot be asked', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-0'], m2: [] } }, { at: 200, places: { m1: null, m2: ['steady-0!2'] } }, { at: 300, places: { m1: ['steady-0'], m2: [] } }], expected: [] },
    { title: 'a move off a machine that could not be asked for a while', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-0'], m2: [] } }, { at: 200, places: { m1: null, m2: ['steady-0!2'] } }, { at: 300, places: { m1: [], m2: ['steady-0!2'] } }], expected: ['steady-0.service was moved from m1 to m2'] },
    { title: 'a global unit on all machines', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-global'], m2: ['steady-global!2'] } }, { at: 101, places: { m1: ['steady-global'], m2: ['steady-global!2'] } }], expected: [] },
    { title: 'a global unit started anew', absences: nobodyAway(), looks: [{ at: 100, places: { m1: ['steady-global'], m2: ['steady-global!2'] } }, { at: 101, places: { m1: ['steady-global'], m2: ['steady-global!3'] } }], expected: ['steady-global.service was started anew on m2'] },
  ])('$title', ({ absences, looks, expected }) => {
    expect(watch(absences, looks)).toEqual(expected);
  });

  it('lets a unit move that somebody has just touched', () => {
    const ledger = new Ledger(units);
    ledger.acknowledged('steady-0.service', 'start', 150);
    expect(watch(nobodyAway(), [{ at: 100, places: { m1: ['steady-0'] } }, { at: 200, places: { m2: ['steady-0!2'] } }], ledger)).toEqual([]);
  });
});

describe('parseChaosOptions', () => {
  it.each([
    { args: [], expected: { kind: 'run', options: { minutes: 5, seed: 42, ttlSeconds: 6, etcdMembers: 1 } } },
    { args: ['--minutes', '0.5', '--seed', '7', '--ttl', '3', '--etcd', '3'], expected: { kind: 'run', options: { minutes: 0.5, seed: 7, ttlSeconds: 3, etcdMembers: 3 } } },
    { args: ['--etcd', '2.5'], expected: { kind: 'bad', message: '--etcd 2.5: not a whole number from 1 to 5' } },
    { args: ['--minutes', '-1'], expected: { kind: 'bad' } },
    { args: ['--seed', 'x'], expected: { kind: 'bad', message: '--seed x: not a whole number' } },
    { args: ['--minutes', 'x'], expected: { kind: 'bad', message: '--minutes x: not a number above 0' } },
    { args: ['--hours', '1'], expected: { kind: 'bad' } },
    { args: ['--help'], expected: { kind: 'help' } },
  ])('reads $args', ({ args, expected }) => {
    expect(parseChaosOptions(args, () => 42)).toMatchObject(expected);
  });
});
