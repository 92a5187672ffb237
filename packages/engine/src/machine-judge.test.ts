import { describe, expect, it } from '@jest/globals';
import type { MachineId } from '@fleet/model';
import { MachineJudge } from './machine-judge.ts';

const id = (name: string): MachineId => name as MachineId;
const options = { graceMs: 30_000, windowMs: 30_000, pauseShare: 1 / 3, pauseMinimum: 3 };

function cluster(size: number, over: Partial<typeof options> = {}): MachineJudge {
  const judge = new MachineJudge({ ...options, ...over });
  for (let index = 0; index < size; index += 1) judge.appeared(id(`m${index}`));
  return judge;
}

describe('MachineJudge', () => {
  it.each([
    { title: 'one of two', size: 2, lost: 1 },
    { title: 'one of three', size: 3, lost: 1 },
    { title: 'two of three', size: 3, lost: 2 },
    { title: 'three of nine, exactly a third', size: 9, lost: 3 },
  ])('declares machines dead at once: $title', ({ size, lost }) => {
    const judge = cluster(size);
    for (let index = 0; index < lost; index += 1) judge.vanished(id(`m${index}`), 1000, false);
    const judgement = judge.judge(1000);
    expect(judgement).toEqual({ dead: Array.from({ length: lost }, (_, index) => `m${index}`), pause: null, nextAt: null });
    expect(judge.isDead(id('m0'))).toBe(true);
  });

  it.each([
    { title: 'three of eight', size: 8, lost: 3 },
    { title: 'three of three', size: 3, lost: 3 },
    { title: 'forty of a hundred', size: 100, lost: 40 },
  ])('holds evacuation when an unusual share vanishes: $title', ({ size, lost }) => {
    const judge = cluster(size);
    for (let index = 0; index < lost; index += 1) judge.vanished(id(`m${index}`), 1000, false);
    const judgement = judge.judge(1000);
    expect(judgement.dead).toEqual([]);
    expect(judgement.pause).toMatchObject({ vanished: lost, known: size });
    expect(judge.isDoubtful(id('m0'))).toBe(true);
    expect(judge.judge(10_000_000).dead).toEqual([]);
  });

  it('counts machines that vanish one after the other within the window as one event', () => {
    const judge = cluster(9);
    const dead: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      judge.vanished(id(`m${index}`), 1000 + index * 2000, false);
      dead.push(...judge.judge(1000 + index * 2000).dead);
    }
    expect(dead).toEqual(['m0', 'm1', 'm2']);
    expect(judge.judge(9000).pause).toMatchObject({ held: ['m3', 'm4'], vanished: 5, known: 9 });
    // Time alone does not end the pause.
    expect(judge.judge(1_000_000).pause).toMatchObject({ held: ['m3', 'm4'], vanished: 5 });
  });

  it('counts machines that are silent when the first vanishes, and so holds that one too', () => {
    const judge = cluster(8);
    judge.vanished(id('m0'), 1000, false);
    expect(judge.isAboutToDeclare(1000)).toBe(true);
    const silent = new Set([id('m0'), id('m1'), id('m2')]);
    expect(judge.judge(1000, silent)).toEqual({ dead: [], pause: { held: ['m0'], vanished: 3, known: 8 }, nextAt: 2000 });
    judge.vanished(id('m1'), 2000, false);
    judge.vanished(id('m2'), 3000, false);
    expect(judge.judge(3000, new Set())).toEqual({ dead: [], pause: { held: ['m0', 'm1', 'm2'], vanished: 3, known: 8 }, nextAt: null });
    // It has become a loss, with the wait of one after it.
    for (const name of ['m1', 'm2']) judge.appeared(id(name));
    expect(judge.judge(9000)).toEqual({ dead: [], pause: null, nextAt: 39_000 });
  });

  it.each([
    { title: 'when the silent ones are heard of again', size: 8, silent: ['m1', 'm2'], then: [] },
    { title: 'when enough of them are', size: 8, silent: ['m1', 'm2'], then: ['m1'] },
  ])('declares the one that vanished dead at once $title', ({ size, silent, then }) => {
    const judge = cluster(size);
    judge.vanished(id('m0'), 1000, false);
    expect(judge.judge(1000, new Set(silent.map(id))).dead).toEqual([]);
    expect(judge.judge(2000, new Set(then.map(id)))).toEqual({ dead: ['m0'], pause: null, nextAt: null });
  });

  it.each([
    { title: 'nobody has vanished', size: 8, vanish: () => undefined, expected: false },
    { title: 'one has', size: 3, vanish: (judge: MachineJudge) => judge.vanished(id('m0'), 1000, false), expected: true },
    { title: 'one left in good order', size: 8, vanish: (judge: MachineJudge) => judge.vanished(id('m0'), 1000, true), expected: false },
    { title: 'the cluster is too small to pause', size: 2, vanish: (judge: MachineJudge) => judge.vanished(id('m0'), 1000, false), expected: false },
    { title: 'its turn has not come', size: 8, vanish: (judge: MachineJudge) => judge.vanished(id('m0'), 1001, false), expected: false },
  ])('says whether silence matters: $title', ({ size, vanish, expected }) => {
    const judge = cluster(size);
    vanish(judge);
    expect(judge.isAboutToDeclare(1000)).toBe(expected);
    expect(cluster(size, { pauseShare: 1 }).isAboutToDeclare(1000)).toBe(false);
  });

  it('does not count losses that lie far apart together', () => {
    const judge = cluster(9);
    for (let index = 0; index < 8; index += 1) {
      judge.vanished(id(`m${index}`), index * 40_000, false);
      expect(judge.judge(index * 40_000).dead).toEqual([`m${index}`]);
      judge.forget(index * 40_000, () => false);
    }
  });

  it('goes on when enough of them are back, and evacuates those that do not follow', () => {
    const judge = cluster(6);
    for (let index = 0; index < 4; index += 1) judge.vanished(id(`m${index}`), 0, false);
    expect(judge.judge(0).pause).not.toBeNull();
    judge.appeared(id('m0'));
    expect(judge.judge(50_000).pause).toMatchObject({ held: ['m1', 'm2', 'm3'] });
    judge.appeared(id('m1'));
    expect(judge.judge(60_000)).toEqual({ dead: [], pause: null, nextAt: 90_000 });
    judge.appeared(id('m2'));
    expect(judge.judge(90_000)).toEqual({ dead: ['m3'], pause: null, nextAt: null });
  });

  it('goes on when an operator confirms', () => {
    const judge = cluster(6);
    for (let index = 0; index < 4; index += 1) judge.vanished(id(`m${index}`), 0, false);
    expect(judge.confirm(0)).toEqual([]);
    judge.judge(0);
    expect(judge.confirm(1000)).toEqual(['m0', 'm1', 'm2', 'm3']);
    expect(judge.isDead(id('m3'))).toBe(true);
    expect(judge.judge(1000)).toEqual({ dead: [], pause: null, nextAt: null });
    judge.vanished(id('m4'), 2000, false);
    expect(judge.judge(2000).dead).toEqual(['m4']);
  });

  it('gives machines that were missing from the start the grace time', () => {
    const judge = cluster(3);
    judge.foundMissing(id('gone'), 500);
    expect(judge.judge(500)).toEqual({ dead: [], pause: null, nextAt: 30_500 });
    expect(judge.isDoubtful(id('gone'))).toBe(true);
    expect(judge.judge(30_499).dead).toEqual([]);
    expect(judge.judge(30_500).dead).toEqual(['gone']);
  });

  it('holds machines missing from the start too when they are many, and lets those that return go', () => {
    const judge = cluster(1);
    for (const name of ['a', 'b', 'c']) judge.foundMissing(id(name), 0);
    expect(judge.judge(30_000).pause).toEqual({ held: ['a', 'b', 'c'], vanished: 3, known: 4 });
    for (const name of ['a', 'b', 'c']) judge.appeared(id(name));
    expect(judge.judge(31_000)).toEqual({ dead: [], pause: null, nextAt: null });
    expect(judge.isDoubtful(id('a'))).toBe(false);
  });

  it('counts machines that left in good order as no loss', () => {
    const judge = cluster(6);
    for (let index = 0; index < 5; index += 1) judge.vanished(id(`m${index}`), 0, true);
    expect(judge.judge(0)).toEqual({ dead: ['m0', 'm1', 'm2', 'm3', 'm4'], pause: null, nextAt: null });
  });

  it('can be told never to pause', () => {
    const judge = cluster(4, { pauseShare: 1 });
    for (let index = 0; index < 4; index += 1) judge.vanished(id(`m${index}`), 0, false);
    expect(judge.judge(0).dead).toHaveLength(4);
  });
});
