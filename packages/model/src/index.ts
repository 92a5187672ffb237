export { matchesMachineId, mergeMetadata, type Machine, type Metadata } from './machine.ts';
export type { MachineId, UnitHash, UnitName } from './names.ts';
export { isTargetState, TARGET_STATES, type TargetState } from './target-state.ts';
export { currentState, type SystemdState, type UnitState } from './unit-state.ts';
