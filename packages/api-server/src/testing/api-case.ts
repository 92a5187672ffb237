import { z } from 'zod';

const option = z.object({ section: z.string().default(''), name: z.string().default(''), value: z.string().default('') });
const text = z.string().nullish();
const metadata = z.record(z.string(), z.string()).nullish();

const givenSchema = z.object({
  tokenLimit: z.int().default(100),
  available: z.boolean().default(true),
  registryDown: z.boolean().default(false),
  units: z.array(z.object({ name: z.string(), options: z.array(option).nullish(), desiredState: text, machineID: text, heartbeat: text })).default([]),
  machines: z.array(z.object({ id: z.string(), primaryIP: text, metadata, dynamicMetadata: metadata })).default([]),
  states: z
    .array(z.object({ name: z.string(), hash: text, machineID: z.string(), systemdLoadState: text, systemdActiveState: text, systemdSubState: text }))
    .default([]),
});

/** One recorded exchange with its precondition, a line of `testdata/api.jsonl`. */
export const apiCaseSchema = z.object({
  id: z.string(),
  match: z.enum(['exact', 'status', 'redirect', 'structure', 'metrics', 'defect']),
  given: givenSchema,
  request: z.object({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullish(),
    body: text,
  }),
  response: z.object({
    status: z.int().nullish(),
    connectionClosed: z.boolean().optional(),
    headers: z.record(z.string(), z.string()).nullish(),
    body: z.unknown(),
    rawBody: text,
    metricFamilies: z.array(z.object({ name: z.string(), type: z.string() })).nullish(),
  }),
  after: z.object({ units: z.array(z.unknown()).nullish(), machines: z.array(z.unknown()).nullish() }).nullish(),
  note: text,
  recommended: z.object({ status: z.int().optional(), message: z.string().optional(), errorCodeMustNotBe: z.int().optional() }).loose().nullish(),
});

export type ApiCase = z.output<typeof apiCaseSchema>;
export type GivenCluster = ApiCase['given'];
