export type { JobResult, LocalUnitFile, LocalUnitState, UnitCallOptions, UnitJob, UnitManager, UnitManagerEvent } from './unit-manager.ts';
