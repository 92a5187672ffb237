// What other components report. They declare the part they use in their own terms; these interfaces fit by shape, so no
// other package needs prom-client.

/** Names of the original: `attemptscheduleunit`, `unscheduleunit`. */
export type EngineTask = 'attemptscheduleunit' | 'unscheduleunit';
/** Names of the original. */
export type ReconcileFailure = 'machine_away' | 'run' | 'schedule';

export interface EngineMetrics {
  /** This daemon's engine took the lead, or lost it. */
  leading(leads: boolean): void;
  /** A step of a plan was carried out. */
  taskDone(type: EngineTask): void;
  taskFailed(type: EngineTask): void;
  /** One round of planning and applying is over. */
  reconciled(durationSeconds: number): void;
  reconcileFailed(type: ReconcileFailure): void;
  /** Units that have no machine right now. */
  pendingUnits(count: number): void;
  /** Whether evacuation is paused because too many machines vanished at once. */
  evacuationPaused(paused: boolean): void;
}

export interface RegistryMetrics {
  /** One operation on the store; `type` as in the original: `get`, `set`, `get_all`. */
  operation(type: 'get' | 'set' | 'get_all', durationSeconds: number, failed: boolean): void;
}

export interface AgentMetrics {
  /** A task of the agent (`start`, `stop`, `load`, `unload`, …) ended. */
  taskEnded(type: string, failed: boolean): void;
  /** Units this machine holds. */
  units(count: number): void;
  /** Seconds since the lease was last renewed; set at each heartbeat. */
  heartbeat(ok: boolean): void;
}

/** What the HTTP side reports. */
export interface HttpMetrics {
  requestEnded(request: { readonly route: string; readonly method: string; readonly status: number; readonly durationSeconds: number }): void;
  /** `/metrics` itself, under the names of the original. */
  scrapeEnded(request: { readonly method: string; readonly status: number; readonly durationSeconds: number; readonly requestBytes: number; readonly responseBytes: number }): void;
  streamOpened(): void;
  streamClosed(reason: 'client' | 'slow' | 'server'): void;
  cacheOpen(open: boolean): void;
  rejected(reason: 'unavailable' | 'malformed' | 'timeout' | 'too-large'): void;
}
