import type { AgentObserver } from '@fleet/agent';
import type { FleetMetrics } from '@fleet/api-server';
import type { EngineObserver } from '@fleet/engine';
import type { StoreMetrics } from '@fleet/registry';

/** Counts what the engine tells. A unit without a machine counts as a failure to schedule once, when it begins to wait. */
export function engineObserver({ engine }: Pick<FleetMetrics, 'engine'>): EngineObserver {
  let waiting = 0;
  return {
    onTerm: (sinceMs) => {
      engine.leading(sinceMs !== null);
      waiting = 0;
      if (sinceMs === null) engine.pendingUnits(0);
    },
    onTask: (type, outcome) => {
      const name = type === 'AttemptScheduleUnit' ? 'attemptscheduleunit' : 'unscheduleunit';
      if (outcome === 'done') engine.taskDone(name);
      else engine.taskFailed(name);
    },
    onPass: (durationMs, outcome) => {
      engine.reconciled(durationMs / 1000);
      if (outcome === 'failed') engine.reconcileFailed('run');
    },
    onMachineGone: () => {
      engine.reconcileFailed('machine_away');
    },
    onPending: (units) => {
      for (; waiting < units; waiting += 1) engine.reconcileFailed('schedule');
      waiting = units;
      engine.pendingUnits(units);
    },
    onEvacuation: (pause) => {
      engine.evacuationPaused(pause !== null);
    },
  };
}

/** Counts calls of the store, under the original's three names: whatever writes is a `set`. Aborted ones did not fail. */
export function storeMetrics({ registry }: Pick<FleetMetrics, 'registry'>): StoreMetrics {
  return {
    observe: (operation, seconds, failure) => {
      if (operation === 'watch' || failure === 'ABORTED') return;
      registry.operation(operation === 'get' || operation === 'get_all' ? operation : 'set', seconds, failure !== null);
    },
  };
}

/** Counts what the agent tells. */
export function agentObserver({ agent }: Pick<FleetMetrics, 'agent'>): AgentObserver {
  return {
    onTask: (kind, outcome) => {
      agent.taskEnded(kind, outcome === 'failed');
    },
    onUnits: (units) => {
      agent.units(units);
    },
    onHeartbeat: (answered) => {
      agent.heartbeat(answered);
    },
  };
}
