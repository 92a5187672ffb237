import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Transaction } from '@fleet/registry';
import { FleetError } from '@fleet/runtime';
import { SimulatedCluster, type Fault } from './testing/simulated-cluster.ts';

let cluster: SimulatedCluster;

beforeEach(async () => {
  cluster = new SimulatedCluster();
  await cluster.open();
  await cluster.start('m1', { region: 'us' });
});
afterEach(async () => {
  await cluster.close();
});

const away = new FleetError('the store cannot be reached', { code: 'STORE_UNAVAILABLE', kind: 'unavailable' });
const failing = (wanted: string): Fault => (call) => (call === wanted ? away : null);
/** Fails what writes or deletes a placement. */
const failingPlacements =
  (kind: 'put' | 'delete'): Fault =>
  (call, [transaction]) => {
    const touches = call === 'transaction' && (transaction as Transaction).operations.some((operation) => operation.kind === kind && operation.key.includes('/place/'));
    return touches ? away : null;
  };

/** 0 for a sample that is not there yet. */
async function value(line: string): Promise<number> {
  const text = await cluster.life('m1').daemon.metrics();
  return Number(text.split('\n').find((sample) => sample.startsWith(`${line} `))?.slice(line.length + 1) ?? 0);
}

const settings = (region: string) => ({ publicIp: '', metadata: { region }, onLeaseLoss: 'keep' as const, shutdown: 'keep' as const });
const inUs = ['X-Fleet', 'MachineMetadata', 'region=us'] as const;

describe('the metrics of a daemon', () => {
  it.each<[string, () => Promise<unknown>]>([
    [
      'fleet_engine_leader_start_time',
      async () => {
        await cluster.stop('m1');
        await cluster.pass(60_000);
        await cluster.start('m1');
        await cluster.pass(10_000);
      },
    ],
    ['fleet_engine_task_count_total{type="attemptscheduleunit"}', () => cluster.startUnit('a.service')],
    [
      'fleet_engine_task_count_total{type="unscheduleunit"}',
      async () => {
        await cluster.startUnit('a.service', [inUs]);
        cluster.life('m1').daemon.reload(settings('eu'));
        await cluster.pass(5_000);
      },
    ],
    [
      'fleet_engine_task_failure_count_total{type="attemptscheduleunit"}',
      async () => {
        cluster.fault = failingPlacements('put');
        await cluster.startUnit('a.service');
      },
    ],
    [
      'fleet_engine_task_failure_count_total{type="unscheduleunit"}',
      async () => {
        await cluster.startUnit('a.service', [inUs]);
        cluster.fault = failingPlacements('delete');
        cluster.life('m1').daemon.reload(settings('eu'));
        await cluster.pass(5_000);
      },
    ],
    ['fleet_engine_reconcile_count_total', () => cluster.startUnit('a.service')],
    ['fleet_engine_reconcile_duration_second_count', () => cluster.startUnit('a.service')],
    [
      'fleet_engine_reconcile_failure_count_total{type="run"}',
      async () => {
        cluster.fault = failingPlacements('put');
        await cluster.startUnit('a.service');
      },
    ],
    ['fleet_engine_reconcile_failure_count_total{type="schedule"}', () => cluster.startUnit('a.service', [['X-Fleet', 'MachineMetadata', 'region=moon']])],
    [
      'fleet_engine_reconcile_failure_count_total{type="machine_away"}',
      async () => {
        await cluster.start('m2');
        await cluster.powerOff('m2');
        await cluster.pass(cluster.ttlMs + 2_000);
      },
    ],
    ['fleet_engine_pending_units', () => cluster.startUnit('a.service', [['X-Fleet', 'MachineID', 'm9']])],
    [
      'fleet_engine_evacuation_paused',
      async () => {
        for (const name of ['m2', 'm3', 'm4']) await cluster.start(name);
        for (const unit of ['a', 'b', 'c', 'd']) await cluster.startUnit(`${unit}.service`);
        for (const name of ['m2', 'm3', 'm4']) await cluster.powerOff(name);
        await cluster.pass(cluster.ttlMs + 2_000);
      },
    ],
    ['fleet_registry_operation_count_total{type="get"}', () => cluster.startUnit('a.service')],
    ['fleet_registry_operation_count_total{type="set"}', () => cluster.startUnit('a.service')],
    ['fleet_registry_operation_count_total{type="get_all"}', () => cluster.api('m1', 'GET', '/fleet/v1/units')],
    [
      'fleet_registry_operation_failed_count_total{type="get"}',
      async () => {
        cluster.fault = failing('get');
        await cluster.api('m1', 'GET', '/fleet/v1/units/no.service');
      },
    ],
    [
      'fleet_registry_operation_failed_count_total{type="set"}',
      async () => {
        cluster.fault = failing('transaction');
        await cluster.api('m1', 'PATCH', '/fleet/v1/machines', [{ op: 'add', path: '/m1/metadata/k', value: { value: 'v' } }]);
      },
    ],
    [
      'fleet_registry_operation_failed_count_total{type="get_all"}',
      async () => {
        cluster.fault = failing('range');
        await cluster.api('m1', 'GET', '/fleet/v1/units');
      },
    ],
    ...['get', 'set', 'get_all'].map((operation): [string, () => Promise<unknown>] => [
      `fleet_registry_operation_duration_second_count{ops="${operation}"}`,
      async () => {
        await cluster.startUnit('a.service');
        await cluster.api('m1', 'GET', '/fleet/v1/units');
      },
    ]),
    ['fleet_agent_task_count_total{type="start"}', () => cluster.startUnit('a.service')],
    ['fleet_agent_task_count_total{type="load"}', () => cluster.startUnit('a.service', [], 'loaded')],
    [
      'fleet_agent_task_count_total{type="stop"}',
      async () => {
        await cluster.startUnit('a.service');
        await cluster.api('m1', 'PUT', '/fleet/v1/units/a.service', { desiredState: 'loaded' });
        await cluster.pass(2_000);
      },
    ],
    [
      'fleet_agent_task_count_total{type="unload"}',
      async () => {
        await cluster.startUnit('a.service');
        await cluster.api('m1', 'DELETE', '/fleet/v1/units/a.service');
        await cluster.pass(2_000);
      },
    ],
    [
      'fleet_agent_task_failure_count_total{type="load"}',
      async () => {
        cluster.life('m1').systemd.control.refuseLoad('a.service', 'no room');
        await cluster.startUnit('a.service');
      },
    ],
    ['fleet_agent_units', () => cluster.startUnit('a.service')],
    ['fleet_agent_heartbeat_count_total{result="ok"}', () => cluster.pass(cluster.ttlMs)],
    [
      'fleet_agent_heartbeat_count_total{result="failed"}',
      async () => {
        cluster.fault = failing('keepAlive');
        await cluster.pass(cluster.ttlMs);
      },
    ],
    ['fleet_agent_last_heartbeat_time', () => cluster.pass(cluster.ttlMs)],
    ['fleet_api_cache_open', () => cluster.api('m1', 'GET', '/fleet/v1/units')],
    ['fleet_api_request_duration_seconds_count{route="units",method="GET",code="200"}', () => cluster.api('m1', 'GET', '/fleet/v1/units')],
    ['fleet_api_rejected_total{reason="malformed"}', () => cluster.api('m1', 'GET', '/fleet/v1/units/%zz')],
  ])('%s grows', async (line, act) => {
    const before = await value(line);
    await act();
    expect(await value(line)).toBeGreaterThan(before);
  });

  it('tell which version runs', async () => {
    expect(await value('fleet_build_info{version="1.0.0-test"}')).toBe(1);
  });

  it('gauges go back, and counts of failures rest once all is well again', async () => {
    cluster.fault = failingPlacements('put');
    await cluster.startUnit('a.service');
    await cluster.startUnit('b.service', [['X-Fleet', 'MachineMetadata', 'region=eu']]);
    expect(await value('fleet_agent_units')).toBe(0);
    cluster.fault = () => null;
    await cluster.pass(20_000);
    expect([await value('fleet_agent_units'), await value('fleet_engine_pending_units')]).toEqual([1, 1]);
    cluster.life('m1').daemon.reload(settings('eu'));
    await cluster.pass(5_000);
    expect([await value('fleet_agent_units'), await value('fleet_engine_pending_units')]).toEqual([2, 0]);
    const failures = ['fleet_engine_task_failure_count_total{type="attemptscheduleunit"}', 'fleet_engine_reconcile_failure_count_total{type="run"}', 'fleet_engine_reconcile_failure_count_total{type="schedule"}', 'fleet_registry_operation_failed_count_total{type="set"}'];
    const counted = await Promise.all(failures.map(value));
    await cluster.pass(cluster.ttlMs);
    expect(await Promise.all(failures.map(value))).toEqual(counted);
    await cluster.stop('m1');
    expect([await value('fleet_engine_leader_start_time'), await value('fleet_engine_pending_units')]).toEqual([0, 0]);
  });
});
