import { TARGET_STATES } from '@fleet/model';
import { z } from 'zod';
import type { SchemaOf } from './schema-of.ts';
import type { ErrorEntity, V1Machine, V1MachinePage, V1MetadataOperation, V1Unit, V1UnitBody, V1UnitPage, V1UnitState, V1UnitStatePage } from './types-v1.ts';

export const targetStateSchema = z.enum(TARGET_STATES);

export const v1UnitOptionSchema = z.object({
  name: z.exactOptional(z.string()),
  section: z.exactOptional(z.string()),
  value: z.exactOptional(z.string()),
});

export const v1UnitSchema = z.object({
  currentState: z.exactOptional(targetStateSchema),
  desiredState: z.exactOptional(targetStateSchema),
  machineID: z.exactOptional(z.string()),
  name: z.exactOptional(z.string()),
  options: z.exactOptional(z.array(v1UnitOptionSchema)),
}) satisfies SchemaOf<V1Unit>;

export const v1UnitPageSchema = z.object({
  nextPageToken: z.exactOptional(z.string()),
  units: z.exactOptional(z.array(v1UnitSchema)),
}) satisfies SchemaOf<V1UnitPage>;

export const v1UnitStateSchema = z.object({
  hash: z.exactOptional(z.string()),
  machineID: z.exactOptional(z.string()),
  name: z.exactOptional(z.string()),
  systemdActiveState: z.exactOptional(z.string()),
  systemdLoadState: z.exactOptional(z.string()),
  systemdSubState: z.exactOptional(z.string()),
}) satisfies SchemaOf<V1UnitState>;

export const v1UnitStatePageSchema = z.object({
  nextPageToken: z.exactOptional(z.string()),
  states: z.exactOptional(z.array(v1UnitStateSchema)),
}) satisfies SchemaOf<V1UnitStatePage>;

export const v1MachineSchema = z.object({
  id: z.exactOptional(z.string()),
  metadata: z.exactOptional(z.record(z.string(), z.string())),
  primaryIP: z.exactOptional(z.string()),
}) satisfies SchemaOf<V1Machine>;

export const v1MachinePageSchema = z.object({
  machines: z.exactOptional(z.array(v1MachineSchema)),
  nextPageToken: z.exactOptional(z.string()),
}) satisfies SchemaOf<V1MachinePage>;

/**
 * Body of `PUT units/{name}`, its members already folded to these names and nulls dropped. `machineID` and `currentState`
 * are ignored, but their types are checked. The word in `desiredState` is checked by the server, for its own message.
 */
export const v1UnitBodySchema = z.object({
  name: z.exactOptional(z.string()),
  options: z.exactOptional(z.array(v1UnitOptionSchema)),
  desiredState: z.exactOptional(z.string()),
  currentState: z.exactOptional(z.string()),
  machineID: z.exactOptional(z.string()),
}) satisfies SchemaOf<V1UnitBody>;

/** One entry of `PATCH machines` as it may arrive: what is wrong with `op`, `path` and `value` is told by the server. */
export const v1MetadataOperationSchema = z.object({
  op: z.exactOptional(z.string()),
  path: z.exactOptional(z.string()),
  value: z.exactOptional(z.union([z.string(), z.object({ value: z.exactOptional(z.string()) })])),
});

/** The same as clients should send it. */
export const v1MetadataPatchSchema = z.array(
  z.object({
    op: z.enum(['add', 'replace', 'remove']),
    path: z.string(),
    value: z.exactOptional(z.union([z.string(), z.object({ value: z.string() })])),
  }),
) satisfies z.ZodType<V1MetadataOperation[]>;

export const errorEntitySchema = z.object({
  error: z.object({
    code: z.int(),
    message: z.string(),
    name: z.exactOptional(z.string()),
    remedy: z.exactOptional(z.string()),
  }),
}) satisfies SchemaOf<ErrorEntity>;
