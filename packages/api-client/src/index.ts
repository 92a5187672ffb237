import {
  bulkResultSchema,
  changeEventSchema,
  machineListSchema,
  stateListSchema,
  unitDetailSchema,
  unitListSchema,
} from '@fleet/api';
import type { Decoders } from './decoders.ts';
import { createFleetClient as createLightClient, type FleetClient, type FleetClientOptions } from './fast/index.ts';

const checkedDecoders: Decoders = {
  unitList: (value) => unitListSchema.parse(value),
  unitDetail: (value) => unitDetailSchema.parse(value),
  stateList: (value) => stateListSchema.parse(value),
  machineList: (value) => machineListSchema.parse(value),
  bulkResult: (value) => bulkResultSchema.parse(value),
  change: (value) => changeEventSchema.parse(value),
};

/**
 * A client of one fleet that checks every answer of version 2 against the API's schemas.
 *
 * @throws FleetError `INVALID_ENDPOINT`, `INVALID_TLS_FILE`
 */
export function createFleetClient(options: FleetClientOptions): FleetClient {
  return createLightClient({ decoders: checkedDecoders, ...options });
}

// All of the light entry point but for its `createFleetClient`, which checks less.
export * from './fast/index.ts';
export type { Decoders } from './decoders.ts';
