import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import express, { type Express, type Request, type Response } from 'express';
import { MIN_REVISION_HEADER, REVISION_HEADER, V1_METHODS, V1_PREFIXES, type V1Resource } from '@fleet/api';
import { describeError, FleetError, type Clock, type Logger } from '@fleet/runtime';
import { errorAnswer, type Answer } from './http/answer.ts';
import type { ApiRequest } from './http/api-request.ts';
import { readBody } from './http/body.ts';
import { v1ErrorAnswer } from './http/error-answers.ts';
import type { Limits } from './http/limits.ts';
import { parseQuery } from './http/query.ts';
import { send, sendAndClose } from './http/send.ts';
import type { FleetMetrics } from './metrics/fleet-metrics.ts';
import { DISCOVERY_JSON } from './v1/discovery.ts';
import type { V1Machines } from './v1/machines.ts';
import type { V1States } from './v1/states.ts';
import type { V1Units } from './v1/units.ts';

export interface Routes {
  readonly units: V1Units;
  readonly states: V1States;
  readonly machines: V1Machines;
}

export interface AppOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: FleetMetrics;
  readonly limits: Limits;
}

export type Handler = (request: ApiRequest) => Answer | Promise<Answer>;

/** How failures of a route look, and what its bodies may weigh. */
export interface RouteRules {
  readonly route: string;
  readonly bodyBytes: number;
  readonly toError: (error: unknown) => Answer;
}

/** An express application that changes nothing behind our back: no etags, no query parser, exact paths. */
export function createExpress(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('strict routing');
  app.enable('case sensitive routing');
  return app;
}

/** The routes of version 1 and `/metrics`. They are looked at in this order, so the busiest come first. */
export function mountV1(app: Express, routes: Routes, options: AppOptions): void {
  const { units, states, machines } = routes;
  const handlers: Readonly<Record<V1Resource['resource'], Readonly<Record<string, Handler>>>> = {
    units: { GET: (request) => units.list(request) },
    unit: { GET: (request) => units.get(request), PUT: (request) => units.put(request), DELETE: (request) => units.delete(request) },
    states: { GET: (request) => states.list(request) },
    state: { GET: (request) => states.get(request) },
    machines: { GET: (request) => machines.list(request), PATCH: (request) => machines.patch(request) },
    discovery: { GET: () => ({ status: 200, contentType: 'application/json', body: DISCOVERY_JSON }) },
    metrics: {},
    root: {},
  };
  const mount = (path: string, resource: V1Resource['resource']): void => {
    const rules = { route: resource, bodyBytes: options.limits.bodyBytes, toError: v1ErrorAnswer };
    const { status, message } = V1_METHODS[resource].otherwise;
    app.all(path, adapt((request) => handlers[resource][request.method]?.(request) ?? errorAnswer(status, message), rules, options));
  };
  for (const prefix of V1_PREFIXES) {
    mount(prefix, 'root');
    mount(`${prefix}/units`, 'units');
    mount(`${prefix}/units/:name`, 'unit');
    mount(`${prefix}/state`, 'states');
    mount(`${prefix}/state/:name`, 'state');
    mount(`${prefix}/machines`, 'machines');
    mount(`${prefix}/discovery`, 'discovery');
  }
  mount('/', 'root');
  app.all('/metrics', serveMetrics(options));
}

/** The 404 for everything that no route took; comes last. */
export function mountNotFound(app: Express, options: AppOptions): void {
  app.use(adapt(() => errorAnswer(404, ''), { route: 'none', bodyBytes: 0, toError: v1ErrorAnswer }, options));
}

/** Runs a handler for express: builds the request, sends the answer, maps failures, counts and logs. */
export function adapt(handler: Handler, rules: RouteRules, options: AppOptions): (request: Request, response: Response) => void {
  const { clock, logger, metrics } = options;
  return (request, response) => {
    const started = clock.monotonic();
    void answer(handler, toApiRequest(request, response, rules.bodyBytes), rules, logger).then((result) => {
      const durationMs = clock.monotonic() - started;
      metrics.http.requestEnded({ route: rules.route, method: request.method, status: result.status, durationSeconds: durationMs / 1000 });
      logger.debug('request', { method: request.method, url: request.url, status: result.status, ms: durationMs });
      if (response.destroyed || response.headersSent) return;
      if (result.status === 413 || result.status === 408) sendAndClose(request, response, result);
      else send(response, result);
    });
  };
}

const CLIENT_GONE = Object.assign(new Error('the client went away'), { name: 'AbortError' });

async function answer(handler: Handler, request: ApiRequest, rules: RouteRules, logger: Logger): Promise<Answer> {
  try {
    return await handler(request);
  } catch (error) {
    const result = rules.toError(error);
    // The reference lets an operator find the line for an answer that hides its cause.
    if (result.status >= 500 && error !== CLIENT_GONE) {
      const reference = randomUUID().slice(0, 8);
      logger.error('request failed', { method: request.method, route: rules.route, name: request.name, status: result.status, reference, reason: describeError(error) });
      return { ...result, headers: { ...result.headers, 'Fleet-Error-Reference': reference } };
    }
    return result;
  }
}

function toApiRequest(request: Request, response: Response, bodyBytes: number): ApiRequest {
  const question = request.url.indexOf('?');
  const { name = '' } = request.params as { readonly name?: string };
  let gone: AbortController | undefined;
  return {
    method: request.method,
    name,
    query: parseQuery(question < 0 ? '' : request.url.slice(question + 1)),
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    get minRevision() {
      return readMinRevision(request.headers[MIN_REVISION_HEADER.toLowerCase()]);
    },
    // Made when someone asks for it: most requests are answered without waiting for anything.
    get signal() {
      if (gone === undefined) {
        const controller = (gone = new AbortController());
        if (response.closed) controller.abort(CLIENT_GONE);
        response.once('close', () => {
          if (!response.writableFinished) controller.abort(CLIENT_GONE);
        });
      }
      return gone.signal;
    },
    readBody: () => readBody(request, bodyBytes),
  };
}

/** Nothing less than what was asked for may be answered, so a revision that cannot be read is refused. */
function readMinRevision(value: string | readonly string[] | undefined): number | undefined {
  if (value === undefined) return undefined;
  const revision = Number(value);
  if (typeof value === 'string' && /^\d+$/.test(value) && Number.isSafeInteger(revision)) return revision;
  throw new FleetError(`header ${MIN_REVISION_HEADER}: ${JSON.stringify(value)} is no revision`, { code: 'REVISION_INVALID', kind: 'invalid', remedy: `give back the value of ${REVISION_HEADER} of an earlier answer` });
}

const compress = promisify(gzip);

/** `/metrics`, for every method, as the original; compressed for those who ask. */
export function serveMetrics({ clock, logger, metrics }: AppOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const started = clock.monotonic();
    const serve = async (): Promise<void> => {
      const text = await metrics.expose();
      const zipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
      const body = zipped ? await compress(text) : Buffer.from(text);
      send(response, { status: 200, contentType: 'text/plain; version=0.0.4', body, ...(zipped && { headers: { 'Content-Encoding': 'gzip' } }) });
      metrics.http.scrapeEnded({
        method: request.method ?? 'GET',
        status: 200,
        durationSeconds: (clock.monotonic() - started) / 1000,
        requestBytes: request.rawHeaders.join('  ').length,
        responseBytes: body.length,
      });
    };
    serve().catch((error: unknown) => {
      logger.error('metrics cannot be served', { reason: describeError(error) });
      if (!response.headersSent) send(response, errorAnswer(500, ''));
    });
  };
}
