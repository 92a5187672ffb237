export { createDaemon, type Daemon, type DaemonStatus } from './create-daemon.ts';
export { DEFAULT_DAEMON_CONFIG, type DaemonAdapters, type DaemonConfig, type DaemonSettings } from './daemon-options.ts';
export { runDaemon } from './run-daemon.ts';
export { checkMachineId, createVolatileMemory, detectAddress, openRuntimeMemory, readBootId, readMachineId, type RuntimeMemory } from '@fleet/agent';
