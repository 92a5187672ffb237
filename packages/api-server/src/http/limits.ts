/** What one client may cost. All can be changed; the defaults are generous to everything a fleet client does. */
export interface Limits {
  /** Longest request body, in bytes. */
  readonly bodyBytes: number;
  /** Longest body of a bulk request, in bytes. */
  readonly bulkBodyBytes: number;
  /** Request line and all headers, in bytes. */
  readonly headerBytes: number;
  /** Request target, in bytes. */
  readonly urlBytes: number;
  /** Connections per listener; more are closed at once. */
  readonly connections: number;
  /** Change streams in all. */
  readonly streams: number;
  /** Time for all headers to arrive. */
  readonly headersTimeoutMs: number;
  /** Time for a whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection stays open; clients of the original need a minute. */
  readonly keepAliveTimeoutMs: number;
  /** How long an answer may lie unread before its connection is ended. Streams are never silent for so long. */
  readonly unreadTimeoutMs: number;
  /** Unsent bytes after which a stream counts as too slow and is cut; it can resume. */
  readonly streamBufferBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 2 * 1024 * 1024,
  bulkBodyBytes: 16 * 1024 * 1024,
  headerBytes: 64 * 1024,
  urlBytes: 16 * 1024,
  connections: 16_384,
  streams: 8_192,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 90_000,
  unreadTimeoutMs: 120_000,
  streamBufferBytes: 4 * 1024 * 1024,
};
