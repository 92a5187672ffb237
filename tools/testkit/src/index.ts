export { Gate, gateStore } from './gate.ts';
export { createInProcessCluster, type InProcessCluster, type InProcessClusterOptions } from './in-process-cluster.ts';
export { type InProcessMachine, type InProcessUnit } from './in-process-machine.ts';
