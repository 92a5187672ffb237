import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { UnitManager } from '../unit-manager.ts';
import { describeConnectionContract, describeEventsContract } from './connection-contract.ts';
import { UNITS, UNITS_BY_TYPE, type ContractUnitType } from './contract-units.ts';
import { describeFilesContract } from './files-contract.ts';
import { settleWithin, waitForState, type UnitManagerFixture } from './unit-manager-fixture.ts';

/** What an adapter says about itself before it is created, so that skipped cases carry their reason in the name. */
export interface UnitManagerContractOptions {
  /** Why there is no connection to lose; the cases about it are skipped with this reason. */
  readonly withoutConnection?: string;
  /** Why units end with their manager; the cases about reopening are skipped with this reason. */
  readonly withoutReopen?: string;
}

/**
 * The behaviour every {@link UnitManager} shares. `create` is called before each case and gives a manager with an
 * empty units directory.
 *
 * @example describeUnitManagerContract('memory', async () => memoryFixture());
 */
export function describeUnitManagerContract(name: string, create: () => Promise<UnitManagerFixture>, options: UnitManagerContractOptions = {}): void {
  describe(`unit manager contract: ${name}`, () => {
    let fixture: UnitManagerFixture;
    const current = (): UnitManagerFixture => fixture;
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(async () => {
      await fixture[Symbol.asyncDispose]();
    });
    describeLifecycleContract(current);
    describeOutcomesContract(current);
    describeRefusalsContract(current);
    describeFilesContract(current);
    describeEventsContract(current);
    describeCancellationContract(current);
    describeConnectionContract(current, options);
  });
}

async function loaded(fixture: UnitManagerFixture, name: string, text: string): Promise<UnitManager> {
  await fixture.manager.load(name, text);
  await fixture.manager.reloadIfNeeded();
  return fixture.manager;
}

/** Loads and starts; the result of the start job. */
async function started(fixture: UnitManagerFixture, name: string, text: string): Promise<string> {
  const manager = await loaded(fixture, name, text);
  const job = await manager.start(name);
  return settleWithin(fixture, `the start of ${name}`, job.result);
}

function describeLifecycleContract(current: () => UnitManagerFixture): void {
  describe('load, start, stop, unload', () => {
    it('takes a service there and back (F43)', async () => {
      const fixture = current();
      const { manager } = fixture;
      expect(await manager.listFiles()).toEqual([]);
      expect(await started(fixture, 'contract-a.service', UNITS.sleeper)).toBe('done');
      expect(await manager.listFiles()).toEqual([{ name: 'contract-a.service', hash: createHash('sha1').update(UNITS.sleeper).digest('hex') }]);
      expect(await waitForState(fixture, 'contract-a.service', { active: 'active' })).toEqual({ load: 'loaded', active: 'active', sub: 'running', result: 'success' });
      const stop = await manager.stop('contract-a.service');
      expect(await settleWithin(fixture, 'the stop', stop.result)).toBe('done');
      expect(await waitForState(fixture, 'contract-a.service', { active: 'inactive' })).toMatchObject({ load: 'loaded', sub: 'dead' });
      await manager.unload('contract-a.service');
      await manager.reloadIfNeeded();
      expect(await manager.listFiles()).toEqual([]);
      expect(await waitForState(fixture, 'contract-a.service', { load: 'not-found' })).toMatchObject({ active: 'inactive', sub: 'dead' });
    });

    it('leaves a loaded unit alone until it is started', async () => {
      const fixture = current();
      await loaded(fixture, 'contract-a.service', UNITS.sleeper);
      expect(await waitForState(fixture, 'contract-a.service', { load: 'loaded' })).toMatchObject({ active: 'inactive', sub: 'dead' });
    });

    it('starts a running unit without touching it', async () => {
      const fixture = current();
      await started(fixture, 'contract-a.service', UNITS.sleeper);
      const again = await fixture.manager.start('contract-a.service');
      expect(await settleWithin(fixture, 'the second start', again.result)).toBe('done');
      expect(await waitForState(fixture, 'contract-a.service', { active: 'active' })).toMatchObject({ sub: 'running' });
    });

    it('starts a stopped unit again', async () => {
      const fixture = current();
      await started(fixture, 'contract-a.service', UNITS.sleeper);
      await settleWithin(fixture, 'the stop', (await fixture.manager.stop('contract-a.service')).result);
      expect(await settleWithin(fixture, 'the start', (await fixture.manager.start('contract-a.service')).result)).toBe('done');
      await waitForState(fixture, 'contract-a.service', { active: 'active', sub: 'running' });
    });

    it('runs an instance of a template by its own file', async () => {
      const fixture = current();
      expect(await started(fixture, 'contract-t@1.service', UNITS.sleeper)).toBe('done');
      await waitForState(fixture, 'contract-t@1.service', { active: 'active', sub: 'running' });
    });

    it('counts a stop of what does not run as done', async () => {
      const fixture = current();
      await loaded(fixture, 'contract-a.service', UNITS.sleeper);
      for (const name of ['contract-a.service', 'contract-unknown.service']) {
        expect(await settleWithin(fixture, `the stop of ${name}`, (await fixture.manager.stop(name)).result)).toBe('done');
      }
    });

    it('unloads what was never loaded', async () => {
      await expect(current().manager.unload('contract-unknown.service')).resolves.toBeUndefined();
    });

    it('reads many states in one call, unknown ones included', async () => {
      const fixture = current();
      await loaded(fixture, 'contract-a.service', UNITS.sleeper);
      const states = await fixture.manager.readStates(['contract-a.service', 'contract-unknown.service', 'contract-t@x.service']);
      expect([...states.keys()].sort()).toEqual(['contract-a.service', 'contract-t@x.service', 'contract-unknown.service']);
      expect(states.get('contract-a.service')?.load).toBe('loaded');
      expect(states.get('contract-unknown.service')).toMatchObject({ load: 'not-found', active: 'inactive', sub: 'dead' });
      expect((await fixture.manager.readStates([])).size).toBe(0);
    });

    it('works on many units side by side', async () => {
      const fixture = current();
      const { manager } = fixture;
      const names = Array.from({ length: 20 }, (_, index) => `contract-many-${index}.service`);
      await Promise.all(names.map((name) => manager.load(name, UNITS.sleeper)));
      await manager.reloadIfNeeded();
      const starts = await Promise.all(names.map((name) => manager.start(name)));
      expect(await settleWithin(fixture, 'all starts', Promise.all(starts.map((job) => job.result)))).toEqual(names.map(() => 'done'));
      expect([...(await manager.readStates(names)).values()].map((state) => state.active)).toEqual(names.map(() => 'active'));
      const stops = await Promise.all(names.map((name) => manager.stop(name)));
      expect(await settleWithin(fixture, 'all stops', Promise.all(stops.map((job) => job.result)))).toEqual(names.map(() => 'done'));
      await Promise.all(names.map((name) => manager.unload(name)));
      await manager.reloadIfNeeded();
      expect(await manager.listFiles()).toEqual([]);
    });

    it('applies a changed text to a running unit only after a reload and a new start', async () => {
      const fixture = current();
      await started(fixture, 'contract-a.service', UNITS.sleeper);
      await loaded(fixture, 'contract-a.service', UNITS.sleeperChanged);
      expect(await waitForState(fixture, 'contract-a.service', { active: 'active' })).toMatchObject({ sub: 'running' });
      await settleWithin(fixture, 'the stop', (await fixture.manager.stop('contract-a.service')).result);
      await settleWithin(fixture, 'the start', (await fixture.manager.start('contract-a.service')).result);
      await waitForState(fixture, 'contract-a.service', { active: 'active', sub: 'exited' });
    });

    it('has nothing to do when no file changed', async () => {
      await expect(current().manager.reloadIfNeeded()).resolves.toBeUndefined();
    });
  });
}

function describeOutcomesContract(current: () => UnitManagerFixture): void {
  describe('outcomes', () => {
    const outcomes = [
      { what: 'a oneshot that finished', text: UNITS.finishes, job: 'done', state: { active: 'inactive', sub: 'dead', result: 'success' } },
      { what: 'a oneshot that remains', text: UNITS.remains, job: 'done', state: { active: 'active', sub: 'exited', result: 'success' } },
      { what: 'a oneshot that fails', text: UNITS.fails, job: 'failed', state: { active: 'failed', sub: 'failed', result: 'exit-code' } },
      { what: 'a service whose process fails at once', text: UNITS.failsLater, job: 'done', state: { active: 'failed', sub: 'failed', result: 'exit-code' } },
    ];
    it.each(outcomes)('reports $what', async ({ text, job, state }) => {
      const fixture = current();
      expect(await started(fixture, 'contract-a.service', text)).toBe(job);
      // How the main process ended is said by those who know.
      const { exit = 'exited with status 1', ...reported } = await waitForState(fixture, 'contract-a.service', state);
      expect(reported).toEqual({ load: 'loaded', ...state });
      expect(exit).toBe('exited with status 1');
    });

    it('cancels a start that is still going on when a stop comes', async () => {
      const fixture = current();
      const manager = await loaded(fixture, 'contract-a.service', UNITS.slowStart);
      const start = await manager.start('contract-a.service');
      await waitForState(fixture, 'contract-a.service', { active: 'activating', sub: 'start' });
      const stop = await manager.stop('contract-a.service');
      expect(await settleWithin(fixture, 'the stop', stop.result)).toBe('done');
      expect(await settleWithin(fixture, 'the start', start.result)).toBe('canceled');
      // Not a clean end for a oneshot: its work was not done.
      await waitForState(fixture, 'contract-a.service', { active: 'failed', sub: 'failed', result: 'signal' });
    });

    it('kills what does not stop in its time', async () => {
      const fixture = current();
      await started(fixture, 'contract-a.service', UNITS.stubborn);
      const stop = await fixture.manager.stop('contract-a.service');
      expect(await settleWithin(fixture, 'the stop', stop.result)).toBe('done');
      await waitForState(fixture, 'contract-a.service', { active: 'failed', sub: 'failed', result: 'timeout' });
    });

    it('forgets a failure when the unit is unloaded', async () => {
      const fixture = current();
      await started(fixture, 'contract-a.service', UNITS.fails);
      await waitForState(fixture, 'contract-a.service', { active: 'failed' });
      await fixture.manager.unload('contract-a.service');
      await fixture.manager.reloadIfNeeded();
      await loaded(fixture, 'contract-a.service', UNITS.sleeper);
      await waitForState(fixture, 'contract-a.service', { load: 'loaded', active: 'inactive', sub: 'dead' });
    });
  });
}

function describeRefusalsContract(current: () => UnitManagerFixture): void {
  describe('refusals', () => {
    const badNames = ['', 'a', 'a.conf', 'a.scope', '.service', '@a.service', '../a.service', 'a/b.service', 'ä.service', 'a b.service', `${'a'.repeat(256)}.service`, 'a\n.service', 'a\0.service'];
    it.each(badNames)('refuses the name %j', async (name) => {
      const { manager } = current();
      await expect(manager.load(name, UNITS.sleeper)).rejects.toMatchObject({ code: 'UNIT_REFUSED', kind: 'invalid' });
      await expect(manager.start(name)).rejects.toMatchObject({ code: 'UNIT_REFUSED' });
      expect(await manager.listFiles()).toEqual([]);
    });

    it('refuses to start a unit that is not there', async () => {
      await expect(current().manager.start('contract-unknown.service')).rejects.toMatchObject({
        code: 'UNIT_REFUSED',
        message: expect.stringContaining('contract-unknown.service') as unknown,
      });
    });

    it('refuses a service without a command, naming it, and goes on with others', async () => {
      const fixture = current();
      const attempt = async (): Promise<void> => {
        await loaded(fixture, 'contract-bad.service', UNITS.withoutCommand);
        await fixture.manager.start('contract-bad.service');
      };
      await expect(attempt()).rejects.toMatchObject({ code: 'UNIT_REFUSED', message: expect.stringContaining('contract-bad.service') as unknown });
      expect(await started(fixture, 'contract-good.service', UNITS.sleeper)).toBe('done');
    });

    it('refuses an [Install] section that enables nothing, and leaves nothing behind', async () => {
      const { manager } = current();
      await expect(manager.load('contract-a.service', UNITS.emptyInstall)).rejects.toMatchObject({
        code: 'UNIT_REFUSED',
        message: expect.stringContaining('[Install]') as unknown,
      });
      await manager.reloadIfNeeded();
      expect(await manager.listFiles()).toEqual([]);
      expect((await manager.readStates(['contract-a.service'])).get('contract-a.service')?.load).toBe('not-found');
    });

    it.each(['installed', 'withRequirements'] as const)('accepts and runs %s', async (which) => {
      const fixture = current();
      expect(await started(fixture, 'contract-a.service', UNITS[which])).toBe('done');
      await settleWithin(fixture, 'the stop', (await fixture.manager.stop('contract-a.service')).result);
      await fixture.manager.unload('contract-a.service');
      expect(await fixture.manager.listFiles()).toEqual([]);
    });

    it.each(Object.keys(UNITS_BY_TYPE) as ContractUnitType[])('runs or refuses a %s', async (type) => {
      const fixture = current();
      const name = `contract-${type}.${type}`;
      const text = UNITS_BY_TYPE[type].text(fixture.directory);
      if (!fixture.types.includes(type)) {
        await expect(fixture.manager.load(name, text)).rejects.toMatchObject({ code: 'UNIT_REFUSED' });
        expect(await fixture.manager.listFiles()).toEqual([]);
        return;
      }
      if (['socket', 'timer', 'path'].includes(type)) await fixture.manager.load(`contract-${type}.service`, UNITS.sleeper);
      expect(await started(fixture, name, text)).toBe('done');
      await waitForState(fixture, name, { load: 'loaded', active: 'active', sub: UNITS_BY_TYPE[type].sub });
      expect(await settleWithin(fixture, 'the stop', (await fixture.manager.stop(name)).result)).toBe('done');
      await fixture.manager.unload(name);
    });
  });
}

function describeCancellationContract(current: () => UnitManagerFixture): void {
  describe('cancellation', () => {
    const calls = {
      listFiles: (manager: UnitManager, signal: AbortSignal) => manager.listFiles({ signal }),
      readStates: (manager: UnitManager, signal: AbortSignal) => manager.readStates(['contract-a.service'], { signal }),
      load: (manager: UnitManager, signal: AbortSignal) => manager.load('contract-b.service', UNITS.sleeper, { signal }),
      unload: (manager: UnitManager, signal: AbortSignal) => manager.unload('contract-a.service', { signal }),
      reloadIfNeeded: (manager: UnitManager, signal: AbortSignal) => manager.reloadIfNeeded({ signal }),
      start: (manager: UnitManager, signal: AbortSignal) => manager.start('contract-a.service', { signal }),
      stop: (manager: UnitManager, signal: AbortSignal) => manager.stop('contract-a.service', { signal }),
    };
    it.each(Object.entries(calls))('%s aborted before does nothing and throws the reason', async (_call, run) => {
      const fixture = current();
      const manager = await loaded(fixture, 'contract-a.service', UNITS.sleeper);
      const reason = new Error('not wanted any more');
      await expect(run(manager, AbortSignal.abort(reason))).rejects.toBe(reason);
      expect((await manager.listFiles()).map((file) => file.name)).toEqual(['contract-a.service']);
      await waitForState(fixture, 'contract-a.service', { active: 'inactive', sub: 'dead' });
    });

    it.each(Object.entries(calls))('%s aborted while it runs throws the reason or has been done', async (_call, run) => {
      const fixture = current();
      const manager = await loaded(fixture, 'contract-a.service', UNITS.sleeper);
      const reason = new Error('not wanted any more');
      const ending = new AbortController();
      const running = run(manager, ending.signal).then(
        () => undefined,
        (error: unknown) => error,
      );
      ending.abort(reason);
      expect([reason, undefined]).toContain(await settleWithin(fixture, 'the call', running));
      // Whatever had happened by then, the manager goes on.
      await settleWithin(fixture, 'the stop', (await manager.stop('contract-a.service')).result);
      for (const name of ['contract-a.service', 'contract-b.service']) await manager.unload(name);
      expect(await manager.listFiles()).toEqual([]);
    });
  });
}
