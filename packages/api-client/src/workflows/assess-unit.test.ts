import type { UnitStateInfo, UnitSummary } from '@fleet/api/wire';
import { describe, expect, it } from '@jest/globals';
import { assessUnit, type Assessment, type Goal } from './assess-unit.ts';
import { FollowedCluster } from './cluster-view.ts';

const UNIT: UnitSummary = { name: 'a.service', hash: 'h1', desiredState: 'launched', currentState: 'inactive', global: false, generation: 2 };
const STATE: UnitStateInfo = { name: 'a.service', machineID: 'm1', hash: 'h1', load: 'loaded', active: 'active', sub: 'running', asked: 'launched', generation: 2 };

interface Row {
  name: string;
  goal: Goal;
  unit?: Partial<UnitSummary> | null;
  state?: Partial<UnitStateInfo> | null;
  expected: Partial<Assessment>;
}

const GLOBAL = { global: true } as const;
const GLOBAL_LOADED = { ...GLOBAL, desiredState: 'loaded' } as const;
const PLACED = { machineID: 'm1', currentState: 'launched' } as const;
const ROWS: readonly Row[] = [
  { name: 'active counts after a moment', goal: 'launched', unit: PLACED, state: {}, expected: { kind: 'reached', state: 'launched', machine: 'm1', holdsMs: 30 } },
  { name: 'exited but active counts at once', goal: 'launched', unit: PLACED, state: { sub: 'exited' }, expected: { kind: 'reached', holdsMs: 0 } },
  { name: 'a one-shot unit that is done counts after a while', goal: 'launched', unit: PLACED, state: { active: 'inactive', sub: 'dead' }, expected: { kind: 'reached', holdsMs: 1000 } },
  { name: 'starting takes as long as it takes', goal: 'launched', unit: PLACED, state: { active: 'activating', sub: 'start-pre' }, expected: { kind: 'waiting', doing: 'starting (start-pre)', holdsMs: Infinity } },
  { name: 'failed is a failure', goal: 'launched', unit: PLACED, state: { active: 'failed', sub: 'failed' }, expected: { kind: 'failed', machine: 'm1', reason: 'systemd says failed (failed)', holdsMs: 100 } },
  { name: 'restarting over and over is a failure, after a while', goal: 'launched', unit: PLACED, state: { active: 'activating', sub: 'auto-restart' }, expected: { kind: 'failed', holdsMs: 3000 } },
  { name: 'what systemd cannot load is a failure', goal: 'launched', unit: PLACED, state: { load: 'bad-setting', active: 'inactive', sub: 'dead' }, expected: { kind: 'failed', reason: 'systemd cannot load it (load state bad-setting)' } },
  { name: 'an old report does not count: generation', goal: 'launched', unit: PLACED, state: { generation: 1 }, expected: { kind: 'waiting', doing: 'being loaded' } },
  { name: 'a report on a former unit of that name does not count', goal: 'launched', unit: PLACED, state: { generation: 9 }, expected: { kind: 'waiting', doing: 'being loaded' } },
  { name: 'an old report does not count: text', goal: 'launched', unit: PLACED, state: { hash: 'h0' }, expected: { kind: 'waiting', doing: 'being loaded' } },
  { name: 'no report yet', goal: 'launched', unit: { machineID: 'm1' }, state: null, expected: { kind: 'waiting', doing: 'being loaded', machine: 'm1' } },
  { name: 'no machine yet', goal: 'launched', state: null, expected: { kind: 'waiting', doing: 'waiting for a machine', holdsMs: 60_000 } },
  { name: 'no machine can take it', goal: 'loaded', unit: { pending: { summary: '0 of 3 machines', machines: 3, rejections: [] } }, state: null, expected: { kind: 'unplaceable', reason: '0 of 3 machines', holdsMs: 500 } },
  { name: 'the machine says why not', goal: 'launched', unit: { machineID: 'm1' }, state: { asked: 'loaded', active: 'inactive', reason: 'disk full' }, expected: { kind: 'failed', reason: 'disk full', machine: 'm1', holdsMs: 1000 } },
  { name: 'the machine waits for another unit to leave', goal: 'launched', unit: { machineID: 'm1' }, state: { asked: 'loaded', active: 'inactive', reason: 'waits for b.service, which it conflicts with, to stop' }, expected: { kind: 'waiting', holdsMs: Infinity } },
  { name: 'failed, with what systemd gave as the result', goal: 'launched', unit: PLACED, state: { active: 'failed', sub: 'failed', reason: 'failed with result exit-code' }, expected: { kind: 'failed', reason: 'failed with result exit-code', holdsMs: 100 } },
  { name: 'the failure of the run before does not count while the new one is asked for', goal: 'launched', unit: { machineID: 'm1' }, state: { asked: 'loaded', active: 'failed', sub: 'failed', reason: 'failed with result exit-code' }, expected: { kind: 'waiting' } },
  { name: 'a failed unit that is taken away is not stuck', goal: 'destroyed', unit: null, state: { active: 'failed', sub: 'failed', reason: 'failed with result exit-code' }, expected: { kind: 'waiting' } },
  { name: 'a unit that cannot be taken away', goal: 'inactive', unit: PLACED, state: { reason: 'disk full' }, expected: { kind: 'failed', reason: 'disk full', holdsMs: 5000 } },
  { name: 'loaded needs no more than that', goal: 'loaded', unit: { machineID: 'm1', currentState: 'loaded' }, state: { active: 'inactive', sub: 'dead' }, expected: { kind: 'reached', state: 'loaded', holdsMs: 0 } },
  { name: 'loaded, says the version 1 of a unit that its machine refuses', goal: 'loaded', unit: { machineID: 'm1', currentState: 'loaded' }, state: { load: 'not-found', asked: 'loaded', active: 'inactive', sub: 'dead', reason: 'disk full' }, expected: { kind: 'failed', reason: 'disk full', machine: 'm1', holdsMs: 1000 } },
  { name: 'not loaded yet, as another unit has to leave first', goal: 'loaded', unit: { machineID: 'm1', currentState: 'loaded' }, state: { load: 'not-found', asked: 'loaded', active: 'inactive', sub: 'dead', reason: 'waits for b.service, which it conflicts with, to stop' }, expected: { kind: 'waiting', holdsMs: Infinity } },
  { name: 'stopped: loaded will do', goal: 'stopped', unit: { machineID: 'm1', currentState: 'loaded' }, state: {}, expected: { kind: 'reached', state: 'loaded', machine: 'm1' } },
  { name: 'stopped: so will nowhere', goal: 'stopped', state: null, expected: { kind: 'reached', state: 'inactive' } },
  { name: 'stopped: not while it is stopping', goal: 'stopped', unit: PLACED, state: { active: 'deactivating', sub: 'stop-sigterm' }, expected: { kind: 'waiting', doing: 'stopping (stop-sigterm)', holdsMs: Infinity } },
  { name: 'inactive', goal: 'inactive', state: null, expected: { kind: 'reached', state: 'inactive' } },
  { name: 'not inactive yet', goal: 'inactive', unit: PLACED, state: {}, expected: { kind: 'waiting' } },
  { name: 'destroyed while something else was wanted', goal: 'launched', unit: null, state: null, expected: { kind: 'failed', reason: 'it was destroyed' } },
  { name: 'destroyed', goal: 'destroyed', unit: null, state: null, expected: { kind: 'reached', state: 'destroyed' } },
  { name: 'destroyed, but still on a machine', goal: 'destroyed', unit: null, state: {}, expected: { kind: 'waiting', machine: 'm1' } },
  { name: 'global: nothing is stopped where a machine runs it', goal: 'stopped', unit: GLOBAL_LOADED, state: {}, expected: { kind: 'waiting', machine: 'm1' } },
  { name: 'global: not stopped by a report of before', goal: 'stopped', unit: GLOBAL_LOADED, state: { asked: 'launched', active: 'failed', sub: 'failed', generation: 1 }, expected: { kind: 'waiting', machine: 'm1' } },
  { name: 'global: stopped', goal: 'stopped', unit: GLOBAL_LOADED, state: { asked: 'loaded', active: 'inactive', sub: 'dead' }, expected: { kind: 'reached', state: 'loaded', machine: undefined, holdsMs: 0 } },
  { name: 'global: stopped though it failed', goal: 'stopped', unit: GLOBAL_LOADED, state: { asked: 'loaded', active: 'failed', sub: 'failed', reason: 'failed with result exit-code' }, expected: { kind: 'reached', state: 'loaded' } },
  { name: 'global: stopped where it never was', goal: 'stopped', unit: GLOBAL_LOADED, state: null, expected: { kind: 'reached', state: 'loaded' } },
  { name: 'global: launched', goal: 'launched', unit: GLOBAL, state: {}, expected: { kind: 'reached', state: 'launched', machine: undefined, holdsMs: 30 } },
  { name: 'global: not launched by a report of before', goal: 'launched', unit: GLOBAL, state: { generation: 1 }, expected: { kind: 'waiting', machine: 'm1' } },
  { name: 'global: not launched before it is asked for', goal: 'launched', unit: GLOBAL, state: { asked: 'loaded', active: 'inactive', sub: 'dead' }, expected: { kind: 'waiting', machine: 'm1' } },
  { name: 'global: loading refused by a machine', goal: 'loaded', unit: GLOBAL_LOADED, state: { load: 'not-found', asked: 'loaded', active: 'inactive', sub: 'dead', reason: 'disk full' }, expected: { kind: 'failed', machine: 'm1', reason: 'disk full' } },
  { name: 'global: refused by a machine', goal: 'launched', unit: GLOBAL, state: { asked: 'loaded', active: 'inactive', sub: 'dead', reason: 'disk full' }, expected: { kind: 'failed', machine: 'm1', reason: 'disk full' } },
  { name: 'global: failed on a machine', goal: 'launched', unit: GLOBAL, state: { active: 'failed', sub: 'failed', reason: 'failed with result signal' }, expected: { kind: 'failed', machine: 'm1', reason: 'failed with result signal' } },
  { name: 'global: on no machine', goal: 'launched', unit: GLOBAL, state: null, expected: { kind: 'unplaceable', reason: 'no machine holds it' } },
  { name: 'global: of version 1, which may not have been asked yet', goal: 'launched', unit: { ...GLOBAL, generation: 0 }, state: { generation: 0, active: 'inactive', sub: 'dead' }, expected: { kind: 'reached', holdsMs: 5000 } },
  { name: 'version 1: an old failure cannot be told from a new one', goal: 'launched', unit: { ...PLACED, generation: 0 }, state: { generation: 0, active: 'failed', sub: 'failed' }, expected: { kind: 'failed', holdsMs: 1000 } },
];

describe('assessUnit', () => {
  for (const { name, goal, unit, state, expected } of ROWS) {
    it(name, () => {
      const view = new FollowedCluster();
      view.apply({
        kind: 'reset',
        revision: 1,
        units: unit === null ? [] : [{ ...UNIT, ...unit }],
        states: state === null ? [] : [{ ...STATE, ...state }],
        machines: [],
      });
      expect(assessUnit('a.service', goal, view)).toMatchObject(expected);
    });
  }

  it('waits for all machines of a global unit, and tells the failure of any', () => {
    const view = new FollowedCluster();
    const elsewhere = { ...STATE, machineID: 'm2', active: 'activating', sub: 'start-pre' };
    view.apply({ kind: 'reset', revision: 1, units: [{ ...UNIT, ...GLOBAL }], states: [STATE, elsewhere], machines: [] });
    expect(assessUnit('a.service', 'launched', view)).toMatchObject({ kind: 'waiting', machine: 'm2' });
    view.apply({ kind: 'state', id: 'm3/a.service', revision: 2, value: { ...STATE, machineID: 'm3', active: 'failed', sub: 'failed' } });
    expect(assessUnit('a.service', 'launched', view)).toMatchObject({ kind: 'failed', machine: 'm3' });
  });
});
