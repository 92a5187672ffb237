// What a client needs without a validator: types, constants and paths. Nothing here may import zod.
export type * from './types.ts';
export {
  DEFAULT_LIST_LIMIT,
  EVENT_STREAM_MEDIA_TYPE,
  JSON_MEDIA_TYPE,
  MAX_ATOMIC_UNITS,
  MAX_BULK_UNITS,
  MAX_LIST_LIMIT,
  MAX_METADATA_OPERATIONS,
  MAX_OPTIONS,
  MIN_REVISION_HEADER,
  REVISION_HEADER,
  UNAVAILABLE_MESSAGE,
  V1_PREFIXES,
  V2_PREFIX,
} from './constants.ts';
export { resolveV1Path, V1_METHODS, v1Paths, v2Paths, type V1Resource } from './routes.ts';
