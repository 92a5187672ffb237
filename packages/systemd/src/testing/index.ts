export { describeUnitManagerContract, type UnitManagerContractOptions } from './unit-manager-contract.ts';
export { collectEvents, settleWithin, waitForState, type EventCollector, type UnitManagerFixture } from './unit-manager-fixture.ts';
