import type { IncomingHttpHeaders } from 'node:http';

/** A request as the handlers see it, whatever brought it here. */
export interface ApiRequest {
  readonly method: string;
  /** Item name from the path, decoded; empty for collections. */
  readonly name: string;
  readonly query: ReadonlyMap<string, readonly string[]>;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  /** From the header `Fleet-Min-Revision`. Throws FleetError `REVISION_INVALID`. */
  readonly minRevision: number | undefined;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Reads the whole body as text. Throws FleetError `BODY_TOO_LARGE`, `BODY_INCOMPLETE`. */
  readonly readBody: () => Promise<string>;
}
