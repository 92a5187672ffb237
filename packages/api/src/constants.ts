/** The two prefixes under which version 1 is served. */
export const V1_PREFIXES = ['/fleet/v1', '/v1-alpha'] as const;
export const V2_PREFIX = '/fleet/v2';

/** Answers: registry revision that the answer is complete up to, or that a write was made at. */
export const REVISION_HEADER = 'Fleet-Revision';
/** Requests: wait until the daemon has seen this revision; 503 when it does not within its deadline. */
export const MIN_REVISION_HEADER = 'Fleet-Min-Revision';

export const JSON_MEDIA_TYPE = 'application/json';
export const EVENT_STREAM_MEDIA_TYPE = 'text/event-stream';

/** Most units in one bulk request. */
export const MAX_BULK_UNITS = 1_000;
/** Most units in one bulk request that is all or nothing: what one transaction of the registry holds. */
export const MAX_ATOMIC_UNITS = 32;
/** Most options in one unit. */
export const MAX_OPTIONS = 10_000;
/** Most operations in one PATCH of metadata. */
export const MAX_METADATA_OPERATIONS = 1_000;
export const DEFAULT_LIST_LIMIT = 1_000;
export const MAX_LIST_LIMIT = 10_000;

/** Error entity message while the daemon is not joined to its cluster; known from the original. */
export const UNAVAILABLE_MESSAGE = 'fleet server unable to communicate with etcd';
