// The commands that scripts call in loops have a part of the bundle of their own, with nothing in it that they do not need.
export * as listMachines from './list-machines.ts';
export * as listUnitFiles from './list-unit-files.ts';
export * as listUnits from './list-units.ts';
export { connect } from '../cli/connect.ts';
