import { z } from 'zod';
import { MIN_REVISION_HEADER, REVISION_HEADER, V2_PREFIX } from './constants.ts';
import { v2Paths } from './routes.ts';
import { errorEntitySchema } from './schemas-v1.ts';
import {
  bulkResultSchema,
  changeEventSchema,
  changesQuerySchema,
  destroyRequestSchema,
  engineStatusSchema,
  machineInfoSchema,
  machineListSchema,
  machineQuerySchema,
  setStateRequestSchema,
  stateListSchema,
  stateQuerySchema,
  submitRequestSchema,
  unitDetailSchema,
  unitListSchema,
  unitQuerySchema,
  unitStateInfoSchema,
  unitSummarySchema,
} from './schemas-v2.ts';

type Json = Readonly<Record<string, unknown>>;

const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  Error: errorEntitySchema,
  UnitSummary: unitSummarySchema,
  UnitDetail: unitDetailSchema,
  UnitState: unitStateInfoSchema,
  Machine: machineInfoSchema,
  UnitList: unitListSchema,
  StateList: stateListSchema,
  MachineList: machineListSchema,
  ChangeEvent: changeEventSchema,
  SubmitRequest: submitRequestSchema,
  SetStateRequest: setStateRequestSchema,
  DestroyRequest: destroyRequestSchema,
  BulkResult: bulkResultSchema,
  EngineStatus: engineStatusSchema,
};

/** The OpenAPI 3.1 document of version 2, generated from the schemas that the server checks with. */
export function buildOpenApi(version: string): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'fleet API', version, description: 'Version 2 of the HTTP API of fleetd. Version 1 is described by its discovery document.' },
    paths: {
      [v2Paths.units]: { get: read('listUnits', 'Units, by name.', 'UnitList', unitQuerySchema) },
      [`${V2_PREFIX}/units/{name}`]: {
        get: { ...read('getUnit', 'One unit with its file, states and recent history.', 'UnitDetail'), parameters: [pathName(), minRevision()] },
      },
      [v2Paths.states]: { get: read('listStates', 'What machines report, by unit and machine.', 'StateList', stateQuerySchema) },
      [v2Paths.machines]: { get: read('listMachines', 'Machines, by id.', 'MachineList', machineQuerySchema) },
      [v2Paths.changes]: { get: changes() },
      [v2Paths.submit]: { post: bulk('submitUnits', 'Create or replace units.', 'SubmitRequest') },
      [v2Paths.setState]: { post: bulk('setUnitStates', 'Change desired states.', 'SetStateRequest') },
      [v2Paths.destroy]: { post: bulk('destroyUnits', 'Destroy units.', 'DestroyRequest') },
      [v2Paths.engine]: { get: read('getEngine', 'Who leads, and whether moving units off lost machines is paused.', 'EngineStatus') },
      [v2Paths.confirmEvacuation]: {
        post: {
          operationId: 'confirmEvacuation',
          summary: 'Tells the leader, which must be the machine asked, to go on although many machines vanished at once.',
          responses: { 204: { description: 'it goes on' }, ...failures, 409: failure('this machine does not lead, or nothing is paused') },
        },
      },
      [v2Paths.openapi]: { get: { operationId: 'getOpenApi', summary: 'This document.', responses: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': {} } } } } },
      [v2Paths.metrics]: { get: text('getMetrics', 'Prometheus metrics, also while the daemon is not available.') },
      [v2Paths.healthz]: { get: text('getHealth', 'Whether the process serves requests at all.') },
      [v2Paths.readyz]: { get: { ...text('getReadiness', 'Whether the daemon is joined to its cluster.'), responses: { 200: plain('ready'), 503: plain('not ready, with the reason') } } },
    },
    components: { schemas: componentSchemas() },
  };
}

function componentSchemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'output' });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _schema, $id: _id, id: _name, ...rest } = schema;
      return [id, rest];
    }),
  );
}

const ref = (name: string): Json => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } });
const plain = (description: string): Json => ({ description, content: { 'text/plain': { schema: { type: 'string' } } } });
const failure = (description: string): Json => ({ description, content: ref('Error') });
const revisionHeader = { [REVISION_HEADER]: { description: 'registry revision of the answer', schema: { type: 'integer' } } };
const failures = {
  400: failure('the request is wrong'),
  404: failure('there is no such thing'),
  413: failure('the body is too large'),
  500: failure('the daemon failed'),
  503: failure('the daemon is not joined to its cluster, or has not reached the revision asked for in time'),
};

function pathName(): Json {
  return { name: 'name', in: 'path', required: true, schema: { type: 'string' } };
}

function minRevision(): Json {
  return { name: MIN_REVISION_HEADER, in: 'header', required: false, schema: { type: 'integer' } };
}

function queryParameters(schema: z.ZodType): readonly Json[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'output' });
  return Object.entries(properties).map(([name, property]) => ({ name, in: 'query', required: false, schema: property }));
}

function read(operationId: string, summary: string, answer: string, query?: z.ZodType): Json {
  return {
    operationId,
    summary,
    parameters: [...(query === undefined ? [] : queryParameters(query)), minRevision()],
    responses: { 200: { description: summary, headers: revisionHeader, content: ref(answer) }, ...failures },
  };
}

function changes(): Json {
  return {
    operationId: 'watchChanges',
    summary: 'A stream of changes as Server-Sent Events; resumes from `since` or Last-Event-ID.',
    parameters: [...queryParameters(changesQuerySchema), { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } }],
    responses: {
      200: {
        description: '`event:` is the kind of change, `data:` a ChangeEvent, `id:` the revision, with the last event of each revision.',
        content: { 'text/event-stream': { schema: { $ref: '#/components/schemas/ChangeEvent' } } },
      },
      ...failures,
    },
  };
}

function bulk(operationId: string, summary: string, body: string): Json {
  return {
    operationId,
    summary,
    requestBody: { required: true, content: ref(body) },
    responses: {
      200: { description: 'A result per unit, in the order of the request.', headers: revisionHeader, content: ref('BulkResult') },
      ...failures,
      409: { description: 'Asked for all or nothing, and nothing was done: results say why.', content: ref('BulkResult') },
    },
  };
}

function text(operationId: string, summary: string): Json {
  return { operationId, summary, responses: { 200: plain(summary) } };
}
