export { startEtcd, type Etcd, type EtcdMember } from './machines/etcd.ts';
export { createRealMachine, type RealMachine, type RealMachineOptions } from './machines/machine.ts';
export { describeRealMachines } from './machines/real-test.ts';
export { realMachineObstacle } from './machines/requirements.ts';
export { createWorld, type World } from './machines/world.ts';
export { expectSuccess, runCommand, type CommandOptions, type CommandResult } from './machines/command.ts';
