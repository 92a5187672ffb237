import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@fleet/runtime';
import { FakeClock, waitUntil } from '@fleet/runtime/testing';
import { systemdUnavailable, unitRefused } from '../errors.ts';
import type { LocalUnitState } from '../unit-manager.ts';
import { StateWatch } from './state-watch.ts';

const running: LocalUnitState = { load: 'loaded', active: 'active', sub: 'running' };

function setUp(read: (names: readonly string[]) => Promise<ReadonlyMap<string, LocalUnitState>>) {
  const asked: (readonly string[])[] = [];
  const told: string[] = [];
  const clock = new FakeClock();
  const watch = new StateWatch({
    read: (names) => {
      asked.push(names);
      return read(names);
    },
    publish: (name, state) => told.push(`${name} ${state.active}`),
    clock,
    logger: silentLogger,
  });
  for (const name of ['a.service', 'b.service', 'c.service']) watch.follow(name);
  return { watch, clock, asked, told };
}

describe('StateWatch', () => {
  it('reads what signals name in one call, and tells changes once', async () => {
    const { watch, asked, told } = setUp((names) => Promise.resolve(new Map(names.map((name) => [name, running]))));
    watch.checkAll();
    await waitUntil('all to be told', () => told.length === 3);
    watch.check('a.service');
    watch.check('unknown.service');
    await waitUntil('the second look', () => asked.length === 2);
    expect(asked).toEqual([['a.service', 'b.service', 'c.service'], ['a.service']]);
    expect(told).toEqual(['a.service active', 'b.service active', 'c.service active']);
  });

  it('looks later at what was only loaded, together, and not again at what was looked at meanwhile', async () => {
    const { watch, clock, asked, told } = setUp((names) => Promise.resolve(new Map(names.map((name) => [name, running]))));
    for (const name of ['a.service', 'b.service', 'c.service']) watch.checkSoon(name);
    watch.check('b.service');
    await waitUntil('the unit that was started', () => told.length === 1);
    await clock.advance(50);
    await waitUntil('the others', () => told.length === 3);
    expect(asked).toEqual([['b.service'], ['a.service', 'c.service']]);
    watch.checkSoon('a.service');
    watch.close();
    expect(clock.pending).toBe(0);
  });

  it('tells the others when one unit cannot be read', async () => {
    const { watch, told } = setUp((names) =>
      names.includes('b.service') ? Promise.reject(unitRefused('b.service has no such property')) : Promise.resolve(new Map(names.map((name) => [name, running]))),
    );
    watch.checkAll();
    await waitUntil('the others to be told', () => told.length === 2);
    expect(told).toEqual(['a.service active', 'c.service active']);
  });

  it('asks for nothing more while systemd is away', async () => {
    let away = true;
    const { watch, asked, told } = setUp((names) => (away ? Promise.reject(systemdUnavailable('the bus is gone')) : Promise.resolve(new Map(names.map((name) => [name, running])))));
    watch.checkAll();
    await waitUntil('the look in vain', () => asked.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.length).toBe(1);
    away = false;
    watch.checkAll();
    await waitUntil('all to be told', () => told.length === 3);
  });
});
