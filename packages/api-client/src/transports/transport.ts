import type { Duplex } from 'node:stream';

/** A way to reach a fleet API: opens byte streams that speak HTTP/1.1. */
export interface Transport {
  /** Scheme and authority as error messages show them, such as `http://domain-sock`. */
  readonly origin: string;
  /** Value of the `Host` header. */
  readonly host: string;
  /** Put before every path; the path of an http(s) endpoint. */
  readonly pathPrefix: string;
  /** Opens a connection. Rejects with an error whose message is the reason alone, or with the signal's reason. */
  connect(signal: AbortSignal | undefined): Promise<Duplex>;
  close(): void;
}
