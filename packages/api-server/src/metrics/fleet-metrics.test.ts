import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { waitUntil } from '@fleet/runtime/testing';
import { EventStream, startTestServer } from '../testing/index.ts';
import { createFleetMetrics, type FleetMetrics } from './fleet-metrics.ts';

async function sample(metrics: FleetMetrics, line: string): Promise<number | undefined> {
  const found = (await metrics.expose()).split('\n').find((text) => text.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

describe('metrics of the components', () => {
  it.each<[string, string, (metrics: FleetMetrics) => void, number]>([
    ['leading', 'fleet_engine_leader_start_time', ({ engine }) => engine.leading(true), 1_700_000_000],
    ['a second election sets it anew, unlike the original', 'fleet_engine_leader_start_time', ({ engine }) => [true, false, true].forEach((leads) => engine.leading(leads)), 1_700_000_000],
    ['losing the lead', 'fleet_engine_leader_start_time', ({ engine }) => [true, false].forEach((leads) => engine.leading(leads)), 0],
    ['a task', 'fleet_engine_task_count_total{type="attemptscheduleunit"}', ({ engine }) => engine.taskDone('attemptscheduleunit'), 1],
    ['a failed task', 'fleet_engine_task_failure_count_total{type="unscheduleunit"}', ({ engine }) => engine.taskFailed('unscheduleunit'), 1],
    ['a round counts once', 'fleet_engine_reconcile_count_total', ({ engine }) => engine.reconciled(0.1), 1],
    ['its duration', 'fleet_engine_reconcile_duration_second_sum', ({ engine }) => engine.reconciled(0.5), 0.5],
    ['a failed round', 'fleet_engine_reconcile_failure_count_total{type="machine_away"}', ({ engine }) => engine.reconcileFailed('machine_away'), 1],
    ['pending units', 'fleet_engine_pending_units', ({ engine }) => engine.pendingUnits(7), 7],
    ['a paused evacuation', 'fleet_engine_evacuation_paused', ({ engine }) => engine.evacuationPaused(true), 1],
    ['an operation', 'fleet_registry_operation_count_total{type="get"}', ({ registry }) => registry.operation('get', 0.01, false), 1],
    ['a failed operation', 'fleet_registry_operation_failed_count_total{type="set"}', ({ registry }) => registry.operation('set', 0.01, true), 1],
    ['the duration of operations', 'fleet_registry_operation_duration_second_count{ops="get_all"}', ({ registry }) => registry.operation('get_all', 0.01, true), 1],
    ['an agent task', 'fleet_agent_task_count_total{type="start"}', ({ agent }) => agent.taskEnded('start', false), 1],
    ['a failed agent task', 'fleet_agent_task_failure_count_total{type="stop"}', ({ agent }) => agent.taskEnded('stop', true), 1],
    ['units', 'fleet_agent_units', ({ agent }) => agent.units(3), 3],
    ['heartbeats', 'fleet_agent_heartbeat_count_total{result="ok"}', ({ agent }) => agent.heartbeat(true), 1],
    ['failed heartbeats', 'fleet_agent_heartbeat_count_total{result="failed"}', ({ agent }) => agent.heartbeat(false), 1],
    ['the last heartbeat', 'fleet_agent_last_heartbeat_time', ({ agent }) => agent.heartbeat(true), 1_700_000_000],
  ])('%s', async (_name, line, act, expected) => {
    const metrics = createFleetMetrics({ processMetrics: false, now: () => 1_700_000_000_000 });
    expect((await sample(metrics, line)) ?? 0).toBe(0);
    act(metrics);
    expect(await sample(metrics, line)).toBe(expected);
  });
});

describe('metrics of the API', () => {
  it('count requests by route, scrapes under the original names, streams and the cache', async () => {
    await using server = await startTestServer();
    const { metrics } = server.server;
    expect(await sample(metrics, 'fleet_api_cache_open')).toBe(0);
    await server.request('GET', '/fleet/v1/units');
    await server.request('DELETE', '/fleet/v1/units/no.service');
    expect(await sample(metrics, 'fleet_api_request_duration_seconds_count{route="units",method="GET",code="200"}')).toBe(1);
    expect(await sample(metrics, 'fleet_api_request_duration_seconds_count{route="unit",method="DELETE",code="404"}')).toBe(1);
    expect(await sample(metrics, 'fleet_api_cache_open')).toBe(1);
    await server.request('GET', '/metrics');
    expect(await sample(metrics, 'http_requests_total{code="200",handler="prometheus",method="get"}')).toBe(1);
    for (const family of ['http_request_duration_microseconds', 'http_request_size_bytes', 'http_response_size_bytes']) {
      expect(await sample(metrics, `${family}_count{handler="prometheus"}`)).toBe(1);
    }
    const stream = await EventStream.open(server.address, '/fleet/v2/changes');
    await stream.next();
    expect(await sample(metrics, 'fleet_api_streams')).toBe(1);
    stream[Symbol.dispose]();
    await waitUntil('the stream to end', async () => (await sample(metrics, 'fleet_api_streams_closed_total{reason="client"}')) === 1);
    expect(await sample(metrics, 'fleet_api_streams')).toBe(0);
    expect(await sample(metrics, 'process_start_time_seconds')).toBeGreaterThan(0);
  });

  it('count what is turned away', async () => {
    let available = true;
    await using server = await startTestServer({ availability: { available: () => available }, limits: { headersTimeoutMs: 100, requestTimeoutMs: 100 } });
    const { metrics } = server.server;
    await server.send('rubbish\r\n\r\n');
    await server.request('GET', `/${'x'.repeat(20_000)}`);
    const slow = connect(server.address);
    slow.write('GET / HTTP/1.1\r\n');
    await waitUntil('the timeout', async () => (await sample(metrics, 'fleet_api_rejected_total{reason="timeout"}')) === 1);
    slow.destroy();
    available = false;
    await server.request('GET', '/');
    for (const reason of ['malformed', 'too-large', 'unavailable']) expect([reason, await sample(metrics, `fleet_api_rejected_total{reason="${reason}"}`)]).toEqual([reason, 1]);
  });

  it('are compressed for those who ask', async () => {
    await using server = await startTestServer();
    const response = await fetch(`${server.url}/metrics`, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toContain('# TYPE fleet_engine_leader_start_time gauge');
  });
});
