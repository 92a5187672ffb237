export { DIRECTIVES } from './directives.ts';
export { createProcessUnitManager, type ProcessUnitManager, type ProcessUnitManagerOptions } from './process-unit-manager.ts';
