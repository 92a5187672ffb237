export { createApiServer, type ApiRegistry, type ApiServer, type ApiServerOptions, type Availability } from './api-server.ts';
export { DEFAULT_LIMITS, type Limits } from './http/limits.ts';
export type { Listener } from './listen/listener.ts';
export { checkListener, describeListener, isLoopback, systemdListeners, type ListenerSpec, type TlsFiles } from './listen/specs.ts';
export { createFleetMetrics, type FleetMetrics, type FleetMetricsOptions } from './metrics/fleet-metrics.ts';
export type { EnginePort } from './v2/engine.ts';
export type { AgentMetrics, EngineMetrics, EngineTask, HttpMetrics, ReconcileFailure, RegistryMetrics } from './metrics/ports.ts';
