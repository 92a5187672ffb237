import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry as PromRegistry, Summary } from 'prom-client';
import type { AgentMetrics, EngineMetrics, HttpMetrics, RegistryMetrics } from './ports.ts';

/** Counters of one daemon. Hand the parts to the components; they need to know nothing else. */
export interface FleetMetrics {
  readonly engine: EngineMetrics;
  readonly registry: RegistryMetrics;
  readonly agent: AgentMetrics;
  readonly http: HttpMetrics;
  /** The Prometheus text format. */
  readonly expose: () => Promise<string>;
}

export interface FleetMetricsOptions {
  /** Milliseconds since the epoch; the system's unless told. */
  readonly now?: () => number;
  readonly version?: string;
  /** Process and Node metrics; on unless told. */
  readonly processMetrics?: boolean;
}

const FAST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Metrics under the original's names where it has one (all nine documented families, the four it forgot to register
 * included), ours beside them. Each daemon has its own set, so several can live in one process.
 */
export function createFleetMetrics(options: FleetMetricsOptions = {}): FleetMetrics {
  const prom = new PromRegistry();
  const shared = options.processMetrics === false ? null : processMetrics();
  const now = options.now ?? Date.now;
  new Gauge({ name: 'fleet_build_info', help: 'Version of fleetd; always 1.', labelNames: ['version'], registers: [prom] }).set({ version: options.version ?? '' }, 1);
  return {
    engine: engineMetrics(prom, now),
    registry: registryMetrics(prom),
    agent: agentMetrics(prom, now),
    http: httpMetrics(prom),
    expose: async () => (shared === null ? await prom.metrics() : `${await prom.metrics()}\n${await shared.metrics()}`),
  };
}

let ofThisProcess: PromRegistry | undefined;

/**
 * Metrics of the process: one set, whatever the number of daemons in it. Measuring the delay of the event loop wakes the
 * process at each sample, so it is done once a second and not a hundred times.
 */
function processMetrics(): PromRegistry {
  if (ofThisProcess === undefined) {
    ofThisProcess = new PromRegistry();
    collectDefaultMetrics({ register: ofThisProcess, eventLoopMonitoringPrecision: 1_000 });
  }
  return ofThisProcess;
}

function engineMetrics(prom: PromRegistry, now: () => number): EngineMetrics {
  const registers = [prom];
  const leaderStart = new Gauge({ name: 'fleet_engine_leader_start_time', help: 'When this engine became the leader, in seconds since the epoch; 0 if it is not.', registers });
  const tasks = new Counter({ name: 'fleet_engine_task_count_total', help: 'Steps of plans that were carried out.', labelNames: ['type'], registers });
  const failures = new Counter({ name: 'fleet_engine_task_failure_count_total', help: 'Steps of plans that failed.', labelNames: ['type'], registers });
  const rounds = new Counter({ name: 'fleet_engine_reconcile_count_total', help: 'Rounds of planning and applying.', registers });
  const failedRounds = new Counter({ name: 'fleet_engine_reconcile_failure_count_total', help: 'Failures of rounds, by cause.', labelNames: ['type'], registers });
  const duration = new Histogram({ name: 'fleet_engine_reconcile_duration_second', help: 'How long rounds take, in seconds.', buckets: FAST_BUCKETS, registers });
  const pending = new Gauge({ name: 'fleet_engine_pending_units', help: 'Units that should have a machine and have none.', registers });
  const paused = new Gauge({ name: 'fleet_engine_evacuation_paused', help: '1 while moving units off lost machines is paused.', registers });
  return {
    leading: (leads) => leaderStart.set(leads ? now() / 1000 : 0),
    taskDone: (type) => tasks.inc({ type }),
    taskFailed: (type) => failures.inc({ type }),
    reconciled: (seconds) => {
      rounds.inc();
      duration.observe(seconds);
    },
    reconcileFailed: (type) => failedRounds.inc({ type }),
    pendingUnits: (count) => pending.set(count),
    evacuationPaused: (value) => paused.set(value ? 1 : 0),
  };
}

function registryMetrics(prom: PromRegistry): RegistryMetrics {
  const registers = [prom];
  const operations = new Counter({ name: 'fleet_registry_operation_count_total', help: 'Operations on the store that succeeded.', labelNames: ['type'], registers });
  const failed = new Counter({ name: 'fleet_registry_operation_failed_count_total', help: 'Operations on the store that failed.', labelNames: ['type'], registers });
  const duration = new Histogram({ name: 'fleet_registry_operation_duration_second', help: 'How long operations on the store take, in seconds.', labelNames: ['ops'], buckets: FAST_BUCKETS, registers });
  return {
    operation: (type, seconds, hasFailed) => {
      (hasFailed ? failed : operations).inc({ type });
      duration.observe({ ops: type }, seconds);
    },
  };
}

function agentMetrics(prom: PromRegistry, now: () => number): AgentMetrics {
  const registers = [prom];
  const tasks = new Counter({ name: 'fleet_agent_task_count_total', help: 'Tasks of the agent that ended well.', labelNames: ['type'], registers });
  const failures = new Counter({ name: 'fleet_agent_task_failure_count_total', help: 'Tasks of the agent that failed.', labelNames: ['type'], registers });
  const units = new Gauge({ name: 'fleet_agent_units', help: 'Units this machine holds.', registers });
  const beats = new Counter({ name: 'fleet_agent_heartbeat_count_total', help: 'Renewals of the machine lease.', labelNames: ['result'], registers });
  const last = new Gauge({ name: 'fleet_agent_last_heartbeat_time', help: 'When the machine lease was last renewed, in seconds since the epoch.', registers });
  return {
    taskEnded: (type, hasFailed) => (hasFailed ? failures : tasks).inc({ type }),
    units: (count) => units.set(count),
    heartbeat: (ok) => {
      beats.inc({ result: ok ? 'ok' : 'failed' });
      if (ok) last.set(now() / 1000);
    },
  };
}

function httpMetrics(prom: PromRegistry): HttpMetrics {
  const registers = [prom];
  const requests = new Histogram({ name: 'fleet_api_request_duration_seconds', help: 'API requests by route, method and status.', labelNames: ['route', 'method', 'code'], buckets: FAST_BUCKETS, registers });
  const streams = new Gauge({ name: 'fleet_api_streams', help: 'Open change streams.', registers });
  const closed = new Counter({ name: 'fleet_api_streams_closed_total', help: 'Change streams that ended, by who ended them.', labelNames: ['reason'], registers });
  const cache = new Gauge({ name: 'fleet_api_cache_open', help: '1 while the watch cache is held.', registers });
  const rejected = new Counter({ name: 'fleet_api_rejected_total', help: 'Requests turned away before any handler.', labelNames: ['reason'], registers });
  const scrapes = new Counter({ name: 'http_requests_total', help: 'Requests to /metrics.', labelNames: ['code', 'handler', 'method'], registers });
  const summary = (name: string, help: string): Summary => new Summary({ name, help, labelNames: ['handler'], percentiles: [0.5, 0.9, 0.99], maxAgeSeconds: 600, ageBuckets: 5, registers });
  const took = summary('http_request_duration_microseconds', 'How long requests to /metrics take, in microseconds.');
  const received = summary('http_request_size_bytes', 'Size of requests to /metrics, in bytes.');
  const sent = summary('http_response_size_bytes', 'Size of answers of /metrics, in bytes.');
  cache.set(0);
  return {
    requestEnded: ({ route, method, status, durationSeconds }) => requests.observe({ route, method, code: String(status) }, durationSeconds),
    scrapeEnded: ({ method, status, durationSeconds, requestBytes, responseBytes }) => {
      scrapes.inc({ code: String(status), handler: 'prometheus', method: method.toLowerCase() });
      took.observe({ handler: 'prometheus' }, durationSeconds * 1e6);
      received.observe({ handler: 'prometheus' }, requestBytes);
      sent.observe({ handler: 'prometheus' }, responseBytes);
    },
    streamOpened: () => streams.inc(),
    streamClosed: (reason) => {
      streams.dec();
      closed.inc({ reason });
    },
    cacheOpen: (open) => cache.set(open ? 1 : 0),
    rejected: (reason) => rejected.inc({ reason }),
  };
}
