import type { Express, Request, Response } from 'express';
import { buildOpenApi, changesQuerySchema, v2Paths, V2_PREFIX, type ChangesQuery } from '@fleet/api';
import { describeError, FleetError, isFleetError } from '@fleet/runtime';
import type { ApiRegistry, Availability } from '../api-server.ts';
import { adapt, serveMetrics, type AppOptions, type Handler } from '../app.ts';
import type { ClusterCache } from '../cache/cluster-cache.ts';
import { errorAnswer, type Answer } from '../http/answer.ts';
import { v2ErrorAnswer } from '../http/error-answers.ts';
import { parseQuery } from '../http/query.ts';
import { send } from '../http/send.ts';
import type { ChangeHub, StreamFilter } from './change-hub.ts';
import { V2Engine, type EnginePort } from './engine.ts';
import { compileName, readQuery } from './queries.ts';
import { V2Reads } from './reads.ts';
import { V2Writes } from './writes.ts';

export interface V2Options {
  readonly registry: ApiRegistry;
  readonly cache: ClusterCache;
  readonly hub: ChangeHub;
  readonly availability: Availability;
  readonly version: string;
  readonly engine: EnginePort;
}

/** The routes of version 2 and the health checks. */
export function mountV2(app: Express, options: V2Options, appOptions: AppOptions): void {
  const { cache, registry, availability } = options;
  const reads = new V2Reads({ registry, cache });
  const writes = new V2Writes({ registry, cache, logger: appOptions.logger });
  const { limits } = appOptions;
  const mount = (path: string, route: string, method: 'GET' | 'POST', handler: Handler): void => {
    const rules = { route, bodyBytes: method === 'POST' ? limits.bulkBodyBytes : 0, toError: v2ErrorAnswer };
    // A colon starts a parameter in patterns; only `:name` is one.
    const pattern = path.replaceAll(/:(?!name\b)/g, '\\:');
    // Health checks of load balancers ask with HEAD; Node leaves the body out.
    const methods: readonly string[] = method === 'GET' ? ['GET', 'HEAD'] : [method];
    app.all(pattern, adapt((request) => (methods.includes(request.method) ? handler(request) : notAllowed(methods)), rules, appOptions));
  };
  mount(v2Paths.units, 'v2-units', 'GET', (request) => reads.listUnits(request));
  mount(v2Paths.submit, 'v2-submit', 'POST', (request) => writes.submit(request));
  mount(v2Paths.setState, 'v2-set-state', 'POST', (request) => writes.setState(request));
  mount(v2Paths.destroy, 'v2-destroy', 'POST', (request) => writes.destroy(request));
  mount(`${V2_PREFIX}/units/:name`, 'v2-unit', 'GET', (request) => reads.getUnit(request));
  mount(v2Paths.states, 'v2-states', 'GET', (request) => reads.listStates(request));
  mount(v2Paths.machines, 'v2-machines', 'GET', (request) => reads.listMachines(request));
  const engine = new V2Engine(cache, options.engine);
  mount(v2Paths.engine, 'v2-engine', 'GET', (request) => engine.get(request));
  mount(v2Paths.confirmEvacuation, 'v2-confirm-evacuation', 'POST', () => engine.confirmEvacuation());
  let openApi: string | undefined;
  mount(v2Paths.openapi, 'v2-openapi', 'GET', () => ({ status: 200, contentType: 'application/json', body: (openApi ??= JSON.stringify(buildOpenApi(options.version))) }));
  mount(v2Paths.healthz, 'healthz', 'GET', () => plain(200, 'ok\n'));
  mount(v2Paths.readyz, 'readyz', 'GET', () => {
    if (availability.available()) return plain(200, 'ready\n');
    return plain(503, `not ready: ${availability.reason?.() ?? 'the daemon is not joined to its cluster'}\n`);
  });
  app.all(v2Paths.metrics, serveMetrics(appOptions));
  app.all(v2Paths.changes, serveChanges(options, appOptions));
}

function plain(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

function notAllowed(methods: readonly string[]): Answer {
  return { ...errorAnswer(405, `only ${methods.join(' and ')} ${methods.length > 1 ? 'are' : 'is'} supported here`, { name: 'METHOD_NOT_ALLOWED' }), headers: { Allow: methods.join(', ') } };
}

function serveChanges({ cache, hub }: V2Options, { logger, metrics }: AppOptions): (request: Request, response: Response) => void {
  return (request, response) => {
    const gone = new AbortController();
    response.once('close', () => {
      gone.abort(new FleetError('the client went away', { code: 'CLIENT_GONE', kind: 'unavailable' }));
    });
    const serve = async (): Promise<void> => {
      if (request.method !== 'GET') {
        send(response, notAllowed(['GET']));
        return;
      }
      if (request.httpVersion === '1.0') throw new FleetError('change streams need HTTP/1.1', { code: 'HTTP_VERSION', kind: 'invalid' });
      const query = readChangesQuery(request);
      if (hub.isFull) throw new FleetError('too many change streams are open', { code: 'TOO_MANY_STREAMS', kind: 'unavailable', remedy: 'close some, or ask another machine' });
      // A client from another daemon may be ahead of this one; a revision that never comes means another cluster.
      await cache.acquire({ signal: gone.signal, minRevision: query.since }).catch(async (error: unknown) => {
        if (!isFleetError(error, 'REVISION_NOT_REACHED')) throw error;
        return await cache.acquire({ signal: gone.signal });
      });
      hub.open(response, { since: query.since, filter: filterOf(query) }, cache.retain());
      metrics.http.requestEnded({ route: 'v2-changes', method: 'GET', status: 200, durationSeconds: 0 });
    };
    serve().catch((error: unknown) => {
      if (gone.signal.aborted || response.headersSent) return;
      const answer = v2ErrorAnswer(error);
      if (answer.status >= 500) logger.error('request failed', { route: 'v2-changes', status: answer.status, reason: describeError(error) });
      metrics.http.requestEnded({ route: 'v2-changes', method: request.method, status: answer.status, durationSeconds: 0 });
      send(response, answer);
    });
  };
}

/** `Last-Event-ID`, which a reconnecting EventSource sends, counts more than the query it was opened with. */
function readChangesQuery(request: Request): ChangesQuery {
  const question = request.url.indexOf('?');
  const query = new Map(parseQuery(question < 0 ? '' : request.url.slice(question + 1)));
  const kinds = query.get('kinds');
  if (kinds !== undefined) query.set('kinds', kinds.flatMap((list) => list.split(',')));
  const lastId = request.headers['last-event-id'];
  if (typeof lastId === 'string' && /^\d+$/.test(lastId)) query.set('since', [lastId]);
  return readQuery({ query }, changesQuerySchema, ['kinds']);
}

function filterOf({ kinds, name }: ChangesQuery): StreamFilter | null {
  if (kinds === undefined && name === undefined) return null;
  return { key: JSON.stringify([kinds === undefined ? null : [...new Set(kinds)].sort(), name ?? null]), kinds: kinds === undefined ? null : new Set(kinds), name: name === undefined ? null : compileName(name) };
}
