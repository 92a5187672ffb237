export { createAgent, type Agent, type AgentOptions, type AgentRegistry, type AgentStatus } from './agent.ts';
export type { AgentObserver } from './agent-observer.ts';
export { checkMachineId, detectAddress, readBootId, readMachineId, systemFacts, type MachineFacts } from './local-machine.ts';
export type { MachineDescription, PresenceStatus } from './presence.ts';
export { createVolatileMemory, openRuntimeMemory, type Asked, type RuntimeMemory, type SessionMemory } from './runtime-memory.ts';
