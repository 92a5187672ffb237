import { v1Paths, type CallOptions, type FleetApi, type V1MetadataOperation } from '@fleet/api/wire';
import { systemClock, type Clock } from '@fleet/runtime';
import { lightDecoders, type Decoders } from './decoders.ts';
import { exchangeText } from './exchange.ts';
import { HttpClient } from './http/http-client.ts';
import { createHttpApi } from './http-api.ts';
import { isUnknownVersion } from './errors.ts';
import { createTransport, type ConnectionOptions } from './transports/create-transport.ts';
import type { Transport } from './transports/transport.ts';

export interface FleetClientOptions {
  /** Where the API is, and how to get there; or a transport of one's own. */
  readonly connection: ConnectionOptions | Transport;
  /** Deadline of one request; 30 s unless told. Streams have none, but are given up after a minute of silence. */
  readonly requestTimeoutMs?: number | undefined;
  /** Largest answer taken; 512 MiB unless told. */
  readonly maxBodyBytes?: number | undefined;
  /** `auto`: version 2, or version 1 if the server does not know it. */
  readonly version?: 'auto' | 'v1' | 'v2' | undefined;
  readonly clock?: Clock | undefined;
  readonly decoders?: Decoders | undefined;
  /** Told of each request, for debugging. */
  readonly onRequest?: ((line: string) => void) | undefined;
}

/** The whole API of a fleet, whatever its version. Close it, or the process stays alive for its connections. */
export interface FleetClient extends FleetApi, Disposable {
  /** Whether the server is an original fleetd; known after the first answer. */
  readonly legacy: boolean | undefined;
  /** Sets and removes dynamic metadata of machines, in order. */
  patchMetadata(operations: readonly V1MetadataOperation[], options?: CallOptions): Promise<void>;
  close(): void;
}

/**
 * A client of one fleet.
 *
 * @throws FleetError `INVALID_ENDPOINT`, `INVALID_TLS_FILE`
 */
export function createFleetClient(options: FleetClientOptions): FleetClient {
  const clock = options.clock ?? systemClock;
  const http = new HttpClient({
    transport: 'connect' in options.connection ? options.connection : createTransport(options.connection),
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    maxBodyBytes: options.maxBodyBytes ?? 512 * 1024 * 1024,
    userAgent: 'fleet-api-client/0.1.0',
    onRequest: options.onRequest,
  });
  const current = createHttpApi({ http, decoders: options.decoders ?? lightDecoders, clock });
  // Loaded when it is needed: it brings the unit parser and its hash along, which take as long to load as all the rest.
  let legacyApi: Promise<FleetApi> | undefined;
  const legacy = (): Promise<FleetApi> => (legacyApi ??= import('./legacy-api.ts').then((module) => module.createLegacyApi({ http, clock })));
  let version: 'v1' | 'v2' | undefined = options.version === 'auto' ? undefined : options.version;

  /** The first answer decides which version the server speaks. */
  async function either<T>(call: (api: FleetApi) => Promise<T>): Promise<T> {
    if (version === 'v1') return await call(await legacy());
    // Several calls may be under way before the first is answered; each finds out for itself.
    const undecided = version === undefined;
    try {
      const answer = await call(current);
      version = 'v2';
      return answer;
    } catch (error) {
      if (!undecided || !isUnknownVersion(error)) throw error;
      version = 'v1';
      return await call(await legacy());
    }
  }

  return {
    get legacy() {
      return version === undefined ? undefined : version === 'v1';
    },
    listUnits: (query, call) => either((api) => api.listUnits(query, call)),
    getUnit: (name, call) => either((api) => api.getUnit(name, call)),
    listStates: (query, call) => either((api) => api.listStates(query, call)),
    listMachines: (query, call) => either((api) => api.listMachines(query, call)),
    async *changes(query, { signal, giveUpAfterMs }) {
      if (version !== 'v1') {
        try {
          for await (const change of current.changes(query, { signal, giveUpAfterMs })) {
            version = 'v2';
            yield change;
          }
          return;
        } catch (error) {
          if (version === 'v2' || options.version === 'v2' || !isUnknownVersion(error)) throw error;
          version = 'v1';
        }
      }
      yield* (await legacy()).changes(query, { signal, giveUpAfterMs });
    },
    submitUnits: (request, call) => either((api) => api.submitUnits(request, call)),
    setUnitStates: (request, call) => either((api) => api.setUnitStates(request, call)),
    destroyUnits: (request, call) => either((api) => api.destroyUnits(request, call)),
    async patchMetadata(operations, call = {}) {
      // Version 1 takes values as objects only.
      const body = operations.map((operation) => (typeof operation.value === 'string' ? { ...operation, value: { value: operation.value } } : operation));
      await exchangeText(http, { method: 'PATCH', path: v1Paths.machines, body, signal: call.signal });
    },
    close: () => http.close(),
    [Symbol.dispose]: () => http.close(),
  };
}
