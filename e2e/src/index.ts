export { builtFleetctl, builtFleetd, fleetVersion, repository } from './built.ts';
export type { Cluster, ClusterMachine, ClusterOptions } from './cluster.ts';
export { startEtcd, type Etcd, type EtcdMember } from './machines/etcd.ts';
export { createRealMachine, type RealMachine, type RealMachineOptions } from './machines/machine.ts';
export { realMachineObstacle } from './machines/requirements.ts';
export { createWorld, type World } from './machines/world.ts';
export { expectSuccess, runCommand, type CommandOptions, type CommandResult } from './machines/command.ts';
export { createRealCluster, type RealCluster, type RealClusterOptions } from './real/real-cluster.ts';
export { type RealClusterMachine } from './real/real-cluster-machine.ts';
