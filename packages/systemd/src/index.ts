export { systemdTimeout, systemdUnavailable, unitFileFailed, unitRefused } from './errors.ts';
export type { JobResult, LocalUnitFile, LocalUnitState, UnitCallOptions, UnitJob, UnitManager, UnitManagerEvent } from './unit-manager.ts';
export { checkUnitName, isManagedUnitName, MANAGED_UNIT_TYPES, unitTypeOf, type ManagedUnitType } from './unit-types.ts';
