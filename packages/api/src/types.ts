export type * from './types-v1.ts';
export type * from './types-v2.ts';
export type { CallOptions, ChangesOptions, FleetApi } from './fleet-api.ts';
