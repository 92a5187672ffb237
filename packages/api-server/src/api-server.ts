import type { RequestListener } from 'node:http';
import { v2Paths } from '@fleet/api';
import type { Registry } from '@fleet/registry';
import { describeError, FleetError, shutdownReason, type Clock, type Component, type Logger } from '@fleet/runtime';
import { createExpress, mountNotFound, mountV1, type AppOptions } from './app.ts';
import { ClusterCache } from './cache/cluster-cache.ts';
import { errorAnswer } from './http/answer.ts';
import { createClientErrorHandler, endWithError } from './http/client-error.ts';
import { createFront } from './http/front.ts';
import { DEFAULT_LIMITS, type Limits } from './http/limits.ts';
import { sendAndClose } from './http/send.ts';
import { openListener, type Listener, type ListenerOptions } from './listen/listener.ts';
import { describeListener, type ListenerSpec } from './listen/specs.ts';
import { createFleetMetrics, type FleetMetrics } from './metrics/fleet-metrics.ts';
import { V1Machines } from './v1/machines.ts';
import { V1States } from './v1/states.ts';
import { UnitsListing } from './v1/units-listing.ts';
import { V1Units } from './v1/units.ts';
import { NO_ENGINE, type EnginePort } from './v2/engine.ts';
import { mountV2 } from './v2/mount.ts';
import { ChangeHub } from './v2/change-hub.ts';

/** What the API needs of the registry. */
export type ApiRegistry = Pick<Registry, 'readUnit' | 'readUnitRecord' | 'findStaleUnits' | 'readText' | 'readHistory' | 'readEngineVersion' | 'openMirror' | 'changeUnit' | 'changeUnits' | 'changeMetadata'>;

/** Whether the daemon is joined to its cluster. While it is not, all of the API answers 503. */
export interface Availability {
  readonly available: () => boolean;
  /** Why not, for `/readyz`; one line. */
  readonly reason?: () => string | undefined;
}

export interface ApiServerOptions {
  readonly registry: ApiRegistry;
  /** As in `Server: fleetd/<version>`. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly availability: Availability;
  /** Page size of version 1, 1 to 65,535; 100 unless told. */
  readonly tokenLimit?: number;
  /** The engine in this daemon, for `/fleet/v2/engine`; none unless told. */
  readonly engine?: EnginePort;
  readonly metrics?: FleetMetrics;
  readonly limits?: Partial<Limits>;
  /** The watch cache is dropped after this long without requests; five minutes unless told. */
  readonly cacheIdleMs?: number;
  /** Longest wait of a request for the store; five seconds unless told. */
  readonly readTimeoutMs?: number;
  /** How long requests in flight may take after the end was asked for; five seconds unless told. */
  readonly closeTimeoutMs?: number;
}

/** The HTTP API of one daemon. It is a component: `run` serves what `listen` has opened until its signal aborts. */
export interface ApiServer extends Component, AsyncDisposable {
  /** For a server of your own. */
  readonly handler: RequestListener;
  readonly metrics: FleetMetrics;
  /** Opens all or none. May be called again. Throws what {@link openListener} throws. */
  listen(specs: readonly ListenerSpec[]): Promise<readonly Listener[]>;
  /** Ends streams, lets requests in flight finish, then ends everything. Idempotent. */
  close(): Promise<void>;
}

const ALWAYS_OPEN: ReadonlySet<string> = new Set([v2Paths.healthz, v2Paths.readyz, v2Paths.metrics, v2Paths.openapi]);

/**
 * Builds the API over a registry; nothing is opened or read before the first request.
 *
 * @throws FleetError `TOKEN_LIMIT_INVALID`
 */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { registry, clock, logger, availability } = options;
  const tokenLimit = options.tokenLimit ?? 100;
  if (!Number.isInteger(tokenLimit) || tokenLimit < 1 || tokenLimit > 0xffff) {
    throw new FleetError(`token limit ${tokenLimit} is not between 1 and 65535`, { code: 'TOKEN_LIMIT_INVALID', kind: 'invalid', remedy: 'set token_limit to a page size such as 100' });
  }
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const metrics = options.metrics ?? createFleetMetrics({ version: options.version });
  const serverHeader = `fleetd/${options.version}`;
  const hub = new ChangeHub({ clock, metrics: metrics.http, limits });
  let listing: UnitsListing | undefined;
  const cache = new ClusterCache({
    registry,
    clock,
    logger,
    idleMs: options.cacheIdleMs ?? 5 * 60_000,
    readTimeoutMs: options.readTimeoutMs ?? 5_000,
    onOpen: (view) => {
      listing = new UnitsListing(view, cache.texts, logger);
      hub.attach(view, cache.texts);
      metrics.http.cacheOpen(true);
    },
    onDrop: () => {
      listing = undefined;
      hub.detach();
      metrics.http.cacheOpen(false);
    },
  });
  const currentListing = (): UnitsListing => {
    if (listing === undefined) throw new FleetError('the cache was dropped', { code: 'CACHE_DROPPED', kind: 'unavailable' });
    return listing;
  };

  const app = createExpress();
  const appOptions: AppOptions = { clock, logger, metrics, limits };
  mountV1(
    app,
    {
      units: new V1Units({ registry, cache, listing: currentListing, tokenLimit, clock, logger }),
      states: new V1States({ cache, tokenLimit }),
      machines: new V1Machines({ registry, cache, tokenLimit, logger }),
    },
    appOptions,
  );
  mountV2(app, { registry, cache, hub, availability, version: options.version, engine: options.engine ?? NO_ENGINE }, appOptions);
  mountNotFound(app, appOptions);

  let closing = false;
  const front = createFront({
    server: serverHeader,
    urlBytes: limits.urlBytes,
    available: availability.available,
    isAlwaysOpen: (path) => ALWAYS_OPEN.has(path),
    closing: () => closing,
    metrics: metrics.http,
    next: app,
  });
  const onClientError = createClientErrorHandler({ server: serverHeader, available: availability.available, metrics: metrics.http });
  const toListen: ListenerOptions = {
    limits,
    logger,
    handler: front,
    onClientError,
    onConnect: (socket) => endWithError(socket, serverHeader, 404, ''),
    onExpectation: (request, response) => {
      metrics.http.rejected('malformed');
      response.setHeader('Server', serverHeader);
      sendAndClose(request, response, errorAnswer(417, 'only the expectation 100-continue is known'));
    },
  };
  const listeners: Listener[] = [];
  let closed: Promise<void> | undefined;

  const shutDown = async (): Promise<void> => {
    closing = true;
    hub.close();
    const cancel = clock.schedule(options.closeTimeoutMs ?? 5_000, () => {
      for (const listener of listeners) listener.destroy();
    });
    await Promise.all(listeners.map((listener) => listener.close()));
    cancel();
    cache.close();
  };

  const server: ApiServer = {
    name: 'api-server',
    handler: front,
    metrics,
    listen: async (specs) => {
      if (closing) throw shutdownReason;
      const opened: Listener[] = [];
      try {
        for (const spec of specs) opened.push(await openListener(spec, toListen));
      } catch (error) {
        await Promise.all(opened.map((listener) => listener.close()));
        throw error;
      }
      listeners.push(...opened);
      for (const { spec, address } of opened) logger.info('API listening', { listener: describeListener(spec), address });
      return opened;
    },
    run: async (signal) => {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await server.close();
    },
    close: () =>
      (closed ??= shutDown().catch((error: unknown) => {
        logger.error('API server did not end in good order', { reason: describeError(error) });
      })),
    [Symbol.asyncDispose]: () => server.close(),
  };
  return server;
}

