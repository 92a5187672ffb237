export { checkOptions, checkTargetState, type Admission } from './admission.ts';
export { matchesMachineId, mergeMetadata, type Machine, type Metadata } from './machine.ts';
export { parseMachineId, toUnitName, type MachineId, type Parsed, type UnitHash, type UnitName } from './names.ts';
export { isTargetState, TARGET_STATES, type TargetState } from './target-state.ts';
export { currentState, type SystemdState, type UnitState } from './unit-state.ts';
