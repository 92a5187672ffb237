import { describe, expect, it } from '@jest/globals';

import {
  currentState,
  isTargetState,
  matchesMachineId,
  mergeMetadata,
  TARGET_STATES,
  type MachineId,
  type UnitHash,
  type UnitName,
  type UnitState,
} from './index.ts';

describe('matchesMachineId', () => {
  it.each([
    ['the whole id', '0123456789abcdef', '0123456789abcdef', true],
    ['its first eight characters', '0123456789abcdef', '01234567', true],
    ['a shorter part', '0123456789abcdef', '0123456', false],
    ['a longer part', '0123456789abcdef', '012345678', false],
    ['another case', '0123456789abcdef', '0123456789ABCDEF', false],
    ['nothing', '0123456789abcdef', '', false],
    ['a short id', 'm1', 'm1', true],
  ])('%s', (_title, id, wanted, expected) => {
    expect(matchesMachineId(id, wanted)).toBe(expected);
  });
});

describe('mergeMetadata', () => {
  it('lays the dynamic over the static, and an empty value hides', () => {
    expect(mergeMetadata({ a: '1', b: '2', c: '3' }, { b: 'x', c: '', d: '4' })).toEqual({ a: '1', b: 'x', d: '4' });
  });
});

describe('target states', () => {
  it('are three words', () => {
    expect(TARGET_STATES).toEqual(['inactive', 'loaded', 'launched']);
    expect(['launched', 'Launched', ''].map(isTargetState)).toEqual([true, false, false]);
  });
});

describe('currentState', () => {
  const machine = 'm1' as MachineId;
  const state: UnitState = { unit: 'a.service' as UnitName, machine, hash: '' as UnitHash, asked: 'launched', generation: 1, load: '', active: '', sub: '' };
  it.each<[string, MachineId | null, UnitState | undefined, string]>([
    ['not placed', null, state, 'inactive'],
    ['not reported', machine, undefined, 'inactive'],
    ['reported by another machine', 'm2' as MachineId, state, 'inactive'],
    ['started', machine, state, 'launched'],
    ['loaded', machine, { ...state, asked: 'loaded' }, 'loaded'],
  ])('%s', (_title, placedOn, reported, expected) => {
    expect(currentState(placedOn, reported)).toBe(expected);
  });
});
