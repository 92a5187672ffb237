import type { BulkResult, ChangeEvent, MachineList, StateList, UnitDetail, UnitList } from '@fleet/api/wire';

/** Turns parsed JSON of version 2 into what it should be, or throws. */
export interface Decoders {
  readonly unitList: (value: unknown) => UnitList;
  readonly unitDetail: (value: unknown) => UnitDetail;
  readonly stateList: (value: unknown) => StateList;
  readonly machineList: (value: unknown) => MachineList;
  readonly bulkResult: (value: unknown) => BulkResult;
  readonly change: (value: unknown) => ChangeEvent;
}

/** Checks the outer shape only, quick to load and to run. The package's main entry checks every member with the schemas. */
export const lightDecoders: Decoders = {
  unitList: (value) => withList(value, 'units') as unknown as UnitList,
  unitDetail: (value) => {
    const unit = record(value);
    if (typeof unit['name'] !== 'string' || !Array.isArray(unit['options'])) throw new Error('not a unit');
    return unit as unknown as UnitDetail;
  },
  stateList: (value) => withList(value, 'states') as unknown as StateList,
  machineList: (value) => withList(value, 'machines') as unknown as MachineList,
  bulkResult: (value) => withList(value, 'results') as unknown as BulkResult,
  change: (value) => {
    const change = record(value);
    if (typeof change['kind'] !== 'string' || typeof change['revision'] !== 'number') throw new Error('not a change');
    return change as unknown as ChangeEvent;
  },
};

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a JSON object');
  return value as Record<string, unknown>;
}

function withList(value: unknown, name: string): Record<string, unknown> {
  const object = record(value);
  if (!Array.isArray(object[name])) throw new Error(`no list "${name}"`);
  return object;
}
