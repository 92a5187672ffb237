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

export type { Decoders } from './decoders.ts';
export { API_ERROR, isApiError, REQUEST_FAILED, systemErrorText, unitError, type ApiError } from './errors.ts';
export { coveringPattern, exactPattern, isPattern, nameFilter } from './names-filter.ts';
export { createAskpass, type Askpass } from './ssh/askpass.ts';
export { parseSshTarget, shellCommand, shellQuote, sshArguments, type SshOptions, type SshTarget } from './ssh/ssh-command.ts';
export { createTransport, type ConnectionOptions } from './transports/create-transport.ts';
export { parseEndpoint, type Endpoint } from './transports/endpoint.ts';
export type { TlsFiles } from './transports/tls.ts';
export type { Transport } from './transports/transport.ts';
export { assessUnit, type Assessment, type Goal } from './workflows/assess-unit.ts';
export { FollowedCluster, type ClusterView } from './workflows/cluster-view.ts';
export { planSubmission, targetOf, type Difference, type SubmitCommand, type SubmitStep, type SubmissionInput } from './workflows/plan-submission.ts';
export { findUnit, findUnits, submitUnits, type Submission, type SubmitOptions } from './workflows/submit.ts';
export { readUnitArguments, unitNameOf, withUnitType, type LocalText, type UnitArgument } from './workflows/unit-arguments.ts';
export { waitForUnits, type UnitReached, type WaitFailure, type WaitOptions, type WaitResult } from './workflows/wait-for-units.ts';
export type { FleetClient, FleetClientOptions } from './client.ts';
export type {
  BulkResult,
  CallOptions,
  ChangeEvent,
  ChangesQuery,
  FleetApi,
  HistoryEntry,
  MachineInfo,
  PendingInfo,
  UnitDetail,
  UnitResult,
  UnitStateInfo,
  UnitSummary,
} from '@fleet/api/wire';
