import { describe, expect, it } from '@jest/globals';

import { UNITS } from './contract-units.ts';
import type { UnitManagerContractOptions } from './unit-manager-contract.ts';
import { collectEvents, matches, settleWithin, waitForState, type UnitManagerFixture } from './unit-manager-fixture.ts';
import type { LocalUnitState, UnitManagerEvent } from '../unit-manager.ts';

function isState(name: string, expected: Partial<LocalUnitState>): (event: UnitManagerEvent) => boolean {
  return (event) => event.kind === 'state' && event.name === name && matches(event.state, expected);
}

export function describeEventsContract(current: () => UnitManagerFixture): void {
  describe('events', () => {
    it('follows a unit from load to unload', async () => {
      const fixture = current();
      const { manager } = fixture;
      await using events = collectEvents(fixture);
      await manager.load('contract-a.service', UNITS.sleeper);
      let at = await events.waitFor('loaded', isState('contract-a.service', { load: 'loaded', active: 'inactive' }));
      await manager.start('contract-a.service');
      at = await events.waitFor('running', isState('contract-a.service', { active: 'active', sub: 'running' }), at);
      await manager.stop('contract-a.service');
      at = await events.waitFor('dead', isState('contract-a.service', { active: 'inactive', sub: 'dead' }), at);
      await manager.unload('contract-a.service');
      await events.waitFor('gone', isState('contract-a.service', { load: 'not-found' }), at);
    });

    it('tells of a failure with its result', async () => {
      const fixture = current();
      await using events = collectEvents(fixture);
      await fixture.manager.load('contract-a.service', UNITS.failsLater);
      await fixture.manager.start('contract-a.service');
      await events.waitFor('failed', isState('contract-a.service', { active: 'failed', sub: 'failed', result: 'exit-code' }));
    });

    it('tells every reader', async () => {
      const fixture = current();
      await using first = collectEvents(fixture);
      await using second = collectEvents(fixture);
      await fixture.manager.load('contract-a.service', UNITS.sleeper);
      await fixture.manager.start('contract-a.service');
      for (const events of [first, second]) await events.waitFor('running', isState('contract-a.service', { active: 'active' }));
    });

    it('tells of units it did not load but was asked about', async () => {
      const fixture = current();
      const { manager } = fixture;
      await fixture.editFile('contract-a.service', UNITS.sleeper);
      await manager.listFiles();
      await using events = collectEvents(fixture);
      await manager.load('contract-a.service', UNITS.sleeper);
      await manager.start('contract-a.service');
      await events.waitFor('running', isState('contract-a.service', { active: 'active' }));
    });

    it('throws the reason of its signal, before and while waiting', async () => {
      const { manager } = current();
      const reason = new Error('enough');
      const read = async (signal: AbortSignal): Promise<void> => {
        for await (const event of manager.events({ signal })) expect(event).toBeDefined();
      };
      await expect(read(AbortSignal.abort(reason))).rejects.toBe(reason);
      const ending = new AbortController();
      const reading = read(ending.signal);
      ending.abort(reason);
      await expect(reading).rejects.toBe(reason);
    });

    it('ends for readers when the manager is disposed, and refuses calls from then on', async () => {
      const { manager } = current();
      const reading = (async () => {
        for await (const event of manager.events({ signal: new AbortController().signal })) expect(event).toBeDefined();
        return 'ended';
      })();
      await manager[Symbol.asyncDispose]();
      await expect(reading).resolves.toBe('ended');
      await expect(manager.readStates(['contract-a.service'])).rejects.toMatchObject({ code: 'SYSTEMD_UNAVAILABLE' });
      await manager[Symbol.asyncDispose]();
    });
  });
}

export function describeConnectionContract(current: () => UnitManagerFixture, options: UnitManagerContractOptions): void {
  const connected = options.withoutConnection === undefined ? it : it.skip;
  const suffix = (reason: string | undefined): string => (reason === undefined ? '' : ` (skipped: ${reason})`);
  describe(`a lost connection${suffix(options.withoutConnection)}`, () => {
    connected('fails calls, cancels pending jobs, touches no unit, and recovers', async () => {
      const fixture = current();
      const { manager } = fixture;
      const connection = fixture.connection!;
      await using events = collectEvents(fixture);
      for (const name of ['contract-runs.service', 'contract-other.service']) await manager.load(name, UNITS.sleeper);
      await settleWithin(fixture, 'the start', (await manager.start('contract-runs.service')).result);
      await manager.load('contract-slow.service', UNITS.slowStart);
      const pending = await manager.start('contract-slow.service');
      await connection.drop();
      await events.waitFor('lost', (event) => event.kind === 'lost');
      expect(await settleWithin(fixture, 'the pending job', pending.result)).toBe('canceled');
      await expect(manager.readStates(['contract-runs.service'])).rejects.toMatchObject({ code: 'SYSTEMD_UNAVAILABLE', kind: 'unavailable' });
      await expect(manager.start('contract-other.service')).rejects.toMatchObject({ code: 'SYSTEMD_UNAVAILABLE' });
      await connection.restore();
      const at = await events.waitFor('restored', (event) => event.kind === 'restored');
      await waitForState(fixture, 'contract-runs.service', { active: 'active', sub: 'running' });
      expect((await manager.listFiles()).map((file) => file.name)).toEqual(['contract-other.service', 'contract-runs.service', 'contract-slow.service']);
      expect(await settleWithin(fixture, 'the start', (await manager.start('contract-other.service')).result)).toBe('done');
      await events.waitFor('running again', isState('contract-other.service', { active: 'active' }), at);
    });

    connected('recovers more than once', async () => {
      const fixture = current();
      await using events = collectEvents(fixture);
      await fixture.manager.load('contract-a.service', UNITS.sleeper);
      let at = 0;
      for (let round = 0; round < 3; round += 1) {
        await fixture.connection!.drop();
        at = await events.waitFor('lost', (event) => event.kind === 'lost', at);
        await fixture.connection!.restore();
        at = await events.waitFor('restored', (event) => event.kind === 'restored', at);
      }
      expect(await settleWithin(fixture, 'the start', (await fixture.manager.start('contract-a.service')).result)).toBe('done');
    });
  });

  const reopened = options.withoutReopen === undefined ? it : it.skip;
  describe(`another manager over the same units${suffix(options.withoutReopen)}`, () => {
    reopened('finds files and running units and goes on with them', async () => {
      const fixture = current();
      await fixture.manager.load('contract-a.service', UNITS.sleeper);
      await settleWithin(fixture, 'the start', (await fixture.manager.start('contract-a.service')).result);
      await fixture.manager[Symbol.asyncDispose]();
      await using manager = await fixture.reopen!();
      await using events = collectEvents(fixture, manager);
      expect((await manager.listFiles()).map((file) => file.name)).toEqual(['contract-a.service']);
      await waitForState(fixture, 'contract-a.service', { load: 'loaded', active: 'active', sub: 'running' }, manager);
      expect(await settleWithin(fixture, 'the stop', (await manager.stop('contract-a.service')).result)).toBe('done');
      await events.waitFor('dead', isState('contract-a.service', { active: 'inactive', sub: 'dead' }));
      await manager.unload('contract-a.service');
      expect(await manager.listFiles()).toEqual([]);
    });
  });
}
