import type {
  BulkResult,
  ChangeEvent,
  ChangesQuery,
  DestroyRequest,
  MachineList,
  MachineQuery,
  SetStateRequest,
  StateList,
  StateQuery,
  SubmitRequest,
  UnitDetail,
  UnitList,
  UnitQuery,
} from './types-v2.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Answer only once the daemon has seen this registry revision (`Fleet-Min-Revision`). */
  readonly minRevision?: number | undefined;
}

export interface ChangesOptions {
  readonly signal: AbortSignal;
  /** How long a broken stream is opened again before its failure is thrown; for ever unless told. Servers read in process have no stream to lose. */
  readonly giveUpAfterMs?: number | undefined;
}

/** What a fleet offers, whatever the way to it. Failures are FleetErrors with the name from the error entity as code. */
export interface FleetApi {
  listUnits(query?: UnitQuery, options?: CallOptions): Promise<UnitList>;
  /** Throws `UNIT_NOT_FOUND`. */
  getUnit(name: string, options?: CallOptions): Promise<UnitDetail>;
  listStates(query?: StateQuery, options?: CallOptions): Promise<StateList>;
  listMachines(query?: MachineQuery, options?: CallOptions): Promise<MachineList>;
  /** Ends with the signal's reason. */
  changes(query: ChangesQuery, options: ChangesOptions): AsyncIterable<ChangeEvent>;
  submitUnits(request: SubmitRequest, options?: CallOptions): Promise<BulkResult>;
  setUnitStates(request: SetStateRequest, options?: CallOptions): Promise<BulkResult>;
  destroyUnits(request: DestroyRequest, options?: CallOptions): Promise<BulkResult>;
}
