import { TARGET_STATES } from '@fleet/model';

const STRING = { type: 'string' } as const;
const NAME = { unitName: { type: 'string', location: 'path', required: true, description: 'Full name of the unit' } } as const;
const TOKEN = { nextPageToken: { type: 'string', location: 'query', description: 'Token from the page before' } } as const;

/**
 * The description of version 1 that clients build themselves from: the original's document to the last member, `required`
 * on `machineID` included, with descriptions of our own (as fleet `schema/v1.json`).
 */
const DISCOVERY = {
  kind: 'discovery#restDescription',
  discoveryVersion: 'v1',
  id: 'fleet:v1',
  name: 'schema',
  version: 'v1',
  title: 'fleet API',
  description: '',
  documentationLink: 'http://github.com/coreos/fleet',
  protocol: 'rest',
  icons: { x16: '', x32: '' },
  labels: [],
  baseUrl: '$ENDPOINT/fleet/v1/',
  basePath: '/fleet/v1/',
  rootUrl: '$ENDPOINT/',
  servicePath: 'fleet/v1/',
  batchPath: 'batch',
  parameters: {},
  auth: {},
  schemas: {
    Machine: {
      id: 'Machine',
      type: 'object',
      properties: {
        id: STRING,
        primaryIP: STRING,
        metadata: { type: 'object', properties: {}, additionalProperties: STRING },
      },
    },
    MachinePage: {
      id: 'MachinePage',
      type: 'object',
      properties: { machines: { type: 'array', items: { $ref: 'Machine' } }, nextPageToken: STRING },
    },
    UnitOption: { id: 'UnitOption', type: 'object', properties: { section: STRING, name: STRING, value: STRING } },
    Unit: {
      id: 'Unit',
      type: 'object',
      properties: {
        name: STRING,
        options: { type: 'array', items: { $ref: 'UnitOption' } },
        desiredState: { type: 'string', enum: TARGET_STATES },
        currentState: { type: 'string', enum: TARGET_STATES },
        machineID: { type: 'string', required: true },
      },
    },
    UnitPage: {
      id: 'UnitPage',
      type: 'object',
      properties: { units: { type: 'array', items: { $ref: 'Unit' } }, nextPageToken: STRING },
    },
    UnitState: {
      id: 'UnitState',
      type: 'object',
      properties: {
        name: STRING,
        hash: STRING,
        machineID: STRING,
        systemdLoadState: STRING,
        systemdActiveState: STRING,
        systemdSubState: STRING,
      },
    },
    UnitStatePage: {
      id: 'UnitStatePage',
      type: 'object',
      properties: { states: { type: 'array', items: { $ref: 'UnitState' } }, nextPageToken: STRING },
    },
  },
  resources: {
    Machines: {
      methods: {
        List: {
          id: 'fleet.Machine.List',
          description: 'One page of the machines of the cluster.',
          httpMethod: 'GET',
          path: 'machines',
          parameters: TOKEN,
          response: { $ref: 'MachinePage' },
        },
      },
    },
    Units: {
      methods: {
        List: {
          id: 'fleet.Unit.List',
          description: 'One page of the units of the cluster.',
          httpMethod: 'GET',
          path: 'units',
          parameters: TOKEN,
          response: { $ref: 'UnitPage' },
        },
        Get: {
          id: 'fleet.Unit.Get',
          description: 'One unit by name.',
          httpMethod: 'GET',
          path: 'units/{unitName}',
          parameters: NAME,
          parameterOrder: ['unitName'],
          response: { $ref: 'Unit' },
        },
        Delete: {
          id: 'fleet.Unit.Delete',
          description: 'Destroys one unit.',
          httpMethod: 'DELETE',
          path: 'units/{unitName}',
          parameters: NAME,
          parameterOrder: ['unitName'],
        },
        Set: {
          id: 'fleet.Unit.Set',
          description: 'Creates one unit, or changes its file or desired state.',
          httpMethod: 'PUT',
          path: 'units/{unitName}',
          parameters: NAME,
          parameterOrder: ['unitName'],
          request: { $ref: 'Unit' },
        },
      },
    },
    UnitState: {
      methods: {
        Get: {
          id: 'fleet.UnitState.Get',
          description: 'What one machine reports of one unit.',
          httpMethod: 'GET',
          path: 'state/{unitName}',
          parameters: NAME,
          parameterOrder: ['unitName'],
          response: { $ref: 'UnitState' },
        },
        List: {
          id: 'fleet.UnitState.List',
          description: 'One page of what machines report of units.',
          httpMethod: 'GET',
          path: 'state',
          parameters: {
            ...TOKEN,
            unitName: { type: 'string', location: 'query', description: 'Only this unit' },
            machineID: { type: 'string', location: 'query', description: 'Only this machine' },
          },
          response: { $ref: 'UnitStatePage' },
        },
      },
    },
  },
};

/** Body of `GET discovery`, the same under both prefixes. */
export const DISCOVERY_JSON: string = JSON.stringify(DISCOVERY, null, 2);
