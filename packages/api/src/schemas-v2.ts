import { z } from 'zod';
import { DEFAULT_LIST_LIMIT, MAX_BULK_UNITS, MAX_LIST_LIMIT, MAX_OPTIONS } from './constants.ts';
import type { SchemaOf } from './schema-of.ts';
import { targetStateSchema } from './schemas-v1.ts';
import type {
  BulkResult,
  ChangeEvent,
  ChangesQuery,
  DestroyRequest,
  EngineStatus,
  HistoryEntry,
  MachineInfo,
  MachineList,
  MachineQuery,
  PendingInfo,
  SetStateRequest,
  StateList,
  StateQuery,
  SubmitRequest,
  SubmitUnit,
  UnitDetail,
  UnitList,
  UnitQuery,
  UnitResult,
  UnitStateInfo,
  UnitSummary,
} from './types-v2.ts';

export const unitOptionSchema = z.object({ section: z.string(), name: z.string(), value: z.string() });

export const pendingSchema = z.object({
  summary: z.string(),
  machines: z.int(),
  rejections: z.array(z.object({ code: z.string(), detail: z.string(), machines: z.int() })),
}) satisfies SchemaOf<PendingInfo>;

export const unitSummarySchema = z.object({
  name: z.string(),
  hash: z.string(),
  desiredState: targetStateSchema,
  currentState: targetStateSchema,
  machineID: z.exactOptional(z.string()),
  global: z.boolean(),
  generation: z.int(),
  description: z.exactOptional(z.string()),
  pending: z.exactOptional(pendingSchema),
}) satisfies SchemaOf<UnitSummary>;

export const unitStateInfoSchema = z.object({
  name: z.string(),
  machineID: z.string(),
  hash: z.string(),
  load: z.string(),
  active: z.string(),
  sub: z.string(),
  asked: z.enum(['loaded', 'launched']),
  generation: z.int(),
  reason: z.exactOptional(z.string()),
}) satisfies SchemaOf<UnitStateInfo>;

export const historyEntrySchema = z.object({
  time: z.string(),
  revision: z.int(),
  event: z.enum(['created', 'replaced', 'desired-state', 'placed', 'moved', 'unplaced', 'pending', 'destroyed']),
  machineID: z.exactOptional(z.string()),
  fromMachineID: z.exactOptional(z.string()),
  reason: z.exactOptional(z.string()),
}) satisfies SchemaOf<HistoryEntry>;

export const unitDetailSchema = unitSummarySchema.extend({
  options: z.array(unitOptionSchema),
  text: z.string(),
  states: z.array(unitStateInfoSchema),
  placementReason: z.exactOptional(z.string()),
  history: z.array(historyEntrySchema),
}) satisfies SchemaOf<UnitDetail>;

export const machineInfoSchema = z.object({
  id: z.string(),
  primaryIP: z.exactOptional(z.string()),
  metadata: z.record(z.string(), z.string()),
  version: z.string(),
  unitLogs: z.exactOptional(z.string()),
  units: z.int(),
}) satisfies SchemaOf<MachineInfo>;

export const engineStatusSchema = z.object({
  revision: z.int(),
  leader: z.exactOptional(z.string()),
  leads: z.boolean(),
  evacuationPaused: z.nullable(z.object({ held: z.array(z.string()), vanished: z.int(), known: z.int() })),
}) satisfies SchemaOf<EngineStatus>;

const listing = { revision: z.int(), next: z.exactOptional(z.string()) };
export const unitListSchema = z.object({ ...listing, units: z.array(unitSummarySchema) }) satisfies SchemaOf<UnitList>;
export const stateListSchema = z.object({ ...listing, states: z.array(unitStateInfoSchema) }) satisfies SchemaOf<StateList>;
export const machineListSchema = z.object({ ...listing, machines: z.array(machineInfoSchema) }) satisfies SchemaOf<MachineList>;

// Queries arrive as strings; these schemas read them.
const pageQuery = {
  limit: z.exactOptional(z.coerce.number().int().min(1).max(MAX_LIST_LIMIT).meta({ description: `${DEFAULT_LIST_LIMIT} unless told` })),
  cursor: z.exactOptional(z.string().max(1024)),
};
const glob = z.string().min(1).max(1024).meta({ description: 'glob over unit names' });
const machine = z.string().min(1).max(256).meta({ description: 'whole machine id or its first eight characters' });
const metadata = z
  .array(z.string().regex(/^[^=]+=/, 'must have the form key=value'))
  .max(64)
  .meta({ description: 'key=value pairs the machine must have, all of them; repeat the parameter' });

export const unitQuerySchema = z.strictObject({
  ...pageQuery,
  name: z.exactOptional(glob),
  machine: z.exactOptional(machine),
  state: z.exactOptional(targetStateSchema),
  desiredState: z.exactOptional(targetStateSchema),
  metadata: z.exactOptional(metadata),
}) satisfies SchemaOf<UnitQuery>;

export const stateQuerySchema = z.strictObject({
  ...pageQuery,
  name: z.exactOptional(glob),
  machine: z.exactOptional(machine),
  active: z.exactOptional(z.string().min(1).max(64)),
  metadata: z.exactOptional(metadata),
}) satisfies SchemaOf<StateQuery>;

export const machineQuerySchema = z.strictObject({
  ...pageQuery,
  machine: z.exactOptional(machine),
  metadata: z.exactOptional(metadata),
}) satisfies SchemaOf<MachineQuery>;

export const changeKindSchema = z.enum(['units', 'states', 'machines']);

export const changesQuerySchema = z.strictObject({
  since: z.exactOptional(z.coerce.number().int().min(0)),
  kinds: z.exactOptional(z.array(changeKindSchema).min(1)),
  name: z.exactOptional(glob),
}) satisfies SchemaOf<ChangesQuery>;

const entityChange = <K extends string, V extends z.ZodType>(kind: K, value: V) =>
  z.object({ kind: z.literal(kind), id: z.string(), revision: z.int(), value: z.nullable(value) });

export const changeEventSchema = z.discriminatedUnion('kind', [
  entityChange('unit', unitSummarySchema),
  entityChange('state', unitStateInfoSchema),
  entityChange('machine', machineInfoSchema),
  z.object({ kind: z.literal('progress'), revision: z.int() }),
  z.object({
    kind: z.literal('reset'),
    revision: z.int(),
    units: z.array(unitSummarySchema),
    states: z.array(unitStateInfoSchema),
    machines: z.array(machineInfoSchema),
  }),
]) satisfies z.ZodType<ChangeEvent>;

const unitName = z.string().min(1).max(1024);

export const submitUnitSchema = z
  .strictObject({
    name: unitName,
    options: z.exactOptional(z.array(unitOptionSchema).min(1).max(MAX_OPTIONS)),
    text: z.exactOptional(z.string()),
    desiredState: z.exactOptional(targetStateSchema),
  })
  .refine((unit) => (unit.options === undefined) !== (unit.text === undefined), {
    message: 'give either options or text',
  }) satisfies SchemaOf<SubmitUnit>;

export const submitRequestSchema = z.strictObject({
  units: z.array(submitUnitSchema).min(1).max(MAX_BULK_UNITS),
  replace: z.exactOptional(z.boolean()),
  atomic: z.exactOptional(z.boolean()),
}) satisfies SchemaOf<SubmitRequest>;

export const setStateRequestSchema = z.strictObject({
  changes: z.array(z.strictObject({ name: unitName, desiredState: targetStateSchema })).min(1).max(MAX_BULK_UNITS),
  atomic: z.exactOptional(z.boolean()),
}) satisfies SchemaOf<SetStateRequest>;

export const destroyRequestSchema = z.strictObject({
  names: z.array(unitName).min(1).max(MAX_BULK_UNITS),
  atomic: z.exactOptional(z.boolean()),
}) satisfies SchemaOf<DestroyRequest>;

export const unitResultSchema = z.object({
  name: z.string(),
  outcome: z.enum(['created', 'replaced', 'changed', 'unchanged', 'destroyed', 'failed', 'not-attempted']),
  generation: z.exactOptional(z.int()),
  error: z.exactOptional(
    z.object({
      name: z.string(),
      kind: z.enum(['invalid', 'not-found', 'conflict', 'unavailable', 'internal']),
      message: z.string(),
      remedy: z.exactOptional(z.string()),
    }),
  ),
}) satisfies SchemaOf<UnitResult>;

export const bulkResultSchema = z.object({ revision: z.int(), ok: z.boolean(), results: z.array(unitResultSchema) }) satisfies SchemaOf<BulkResult>;
