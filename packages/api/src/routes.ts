import { V1_PREFIXES, V2_PREFIX } from './constants.ts';

/** Resources of version 1, in the original's words. */
export type V1Resource =
  | { readonly resource: 'units' | 'states' | 'machines' | 'discovery' | 'metrics' | 'root' }
  | { readonly resource: 'unit' | 'state'; readonly name: string };

interface MethodRule {
  readonly methods: readonly string[];
  /** Status and message for every other method. */
  readonly otherwise: { readonly status: 400 | 405; readonly message: string };
}

const ONLY_GET = { status: 405, message: 'only GET supported against this resource' } as const;

/** Which methods a resource takes, and what the others are told (as the original, word for word). */
export const V1_METHODS: Readonly<Record<V1Resource['resource'], MethodRule>> = {
  units: { methods: ['GET'], otherwise: ONLY_GET },
  unit: { methods: ['GET', 'PUT', 'DELETE'], otherwise: { status: 405, message: 'only GET, PUT and DELETE supported against this resource' } },
  states: { methods: ['GET'], otherwise: ONLY_GET },
  state: { methods: ['GET'], otherwise: ONLY_GET },
  machines: { methods: ['GET', 'PATCH'], otherwise: { status: 405, message: 'only GET and PATCH supported against this resource' } },
  discovery: { methods: ['GET'], otherwise: { status: 400, message: 'only HTTP GET supported against this resource' } },
  metrics: { methods: ['*'], otherwise: { status: 405, message: '' } },
  root: { methods: [], otherwise: { status: 405, message: '' } },
};

/**
 * Resource of a decoded, clean path; `null` when there is none (404). An item name is exactly one segment after
 * decoding, so an encoded slash splits it.
 */
export function resolveV1Path(path: string): V1Resource | null {
  if (path === '/') return { resource: 'root' };
  if (path === '/metrics') return { resource: 'metrics' };
  const prefix = V1_PREFIXES.find((candidate) => path.startsWith(candidate) && (path.length === candidate.length || path[candidate.length] === '/'));
  if (prefix === undefined) return null;
  if (path.length === prefix.length) return { resource: 'root' };
  const [collection = '', name, ...more] = path.slice(prefix.length + 1).split('/');
  if (more.length > 0 || name === '') return null;
  switch (collection) {
    case 'units':
      return name === undefined ? { resource: 'units' } : { resource: 'unit', name };
    case 'state':
      return name === undefined ? { resource: 'states' } : { resource: 'state', name };
    case 'machines':
      return name === undefined ? { resource: 'machines' } : null;
    case 'discovery':
      return name === undefined ? { resource: 'discovery' } : null;
    default:
      return null;
  }
}

const [V1] = V1_PREFIXES;

/** Paths of version 1 for clients; names are percent-encoded. */
export const v1Paths = {
  units: `${V1}/units`,
  unit: (name: string): string => `${V1}/units/${encodeURIComponent(name)}`,
  states: `${V1}/state`,
  state: (name: string): string => `${V1}/state/${encodeURIComponent(name)}`,
  machines: `${V1}/machines`,
  discovery: `${V1}/discovery`,
} as const;

/** Paths of version 2 for clients. */
export const v2Paths = {
  units: `${V2_PREFIX}/units`,
  unit: (name: string): string => `${V2_PREFIX}/units/${encodeURIComponent(name)}`,
  states: `${V2_PREFIX}/states`,
  machines: `${V2_PREFIX}/machines`,
  changes: `${V2_PREFIX}/changes`,
  submit: `${V2_PREFIX}/units:submit`,
  setState: `${V2_PREFIX}/units:set-state`,
  destroy: `${V2_PREFIX}/units:destroy`,
  engine: `${V2_PREFIX}/engine`,
  confirmEvacuation: `${V2_PREFIX}/engine:confirm-evacuation`,
  openapi: `${V2_PREFIX}/openapi.json`,
  metrics: `${V2_PREFIX}/metrics`,
  healthz: '/healthz',
  readyz: '/readyz',
} as const;
