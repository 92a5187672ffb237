import type { IncomingMessage, ServerResponse } from 'node:http';
import { UNAVAILABLE_MESSAGE } from '@fleet/api';
import type { HttpMetrics } from '../metrics/ports.ts';
import { errorAnswer, type Answer } from './answer.ts';
import { parseRequestTarget } from './request-target.ts';
import { send, sendAndClose } from './send.ts';

export interface FrontOptions {
  /** Value of the `Server` header. */
  readonly server: string;
  readonly urlBytes: number;
  readonly available: () => boolean;
  /** Whether a path is served even while the daemon is not available. */
  readonly isAlwaysOpen: (path: string) => boolean;
  /** Whether connections should end with their answer, because the server is closing. */
  readonly closing: () => boolean;
  readonly metrics: Pick<HttpMetrics, 'rejected'>;
  /** Gets requests with a clean target: `url` is the decoded path, escaped anew segment by segment, and the query. */
  readonly next: (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * What stands in front of the routes and looks at the request as it was sent: odd targets, the availability gate and the
 * redirect to a clean path (spec: sections 1 to 3).
 */
export function createFront(options: FrontOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { metrics } = options;
  return (request, response) => {
    const { url = '/', method = 'GET' } = request;
    if (url === '*' && method === 'OPTIONS') {
      send(response, { status: 200 });
      return;
    }
    response.setHeader('Server', options.server);
    if (options.closing()) response.setHeader('Connection', 'close');
    if (url.length > options.urlBytes) {
      metrics.rejected('too-large');
      sendAndClose(request, response, errorAnswer(414, `the request target is longer than ${options.urlBytes} bytes`));
      return;
    }
    const refuse = (problem: string): void => {
      metrics.rejected('malformed');
      sendAndClose(request, response, errorAnswer(400, problem));
    };
    const target = parseRequestTarget(url);
    const hosts = hostProblem(request);
    if (target.kind === 'asterisk' || target.kind === 'malformed') {
      refuse('malformed request target');
    } else if (hosts !== null) {
      refuse(hosts);
    } else if (!options.available() && !(target.kind === 'path' && options.isAlwaysOpen(target.path))) {
      metrics.rejected('unavailable');
      send(response, errorAnswer(503, UNAVAILABLE_MESSAGE));
    } else if (target.kind === 'unclean') {
      send(response, redirect(method, target.location));
    } else {
      request.url = escapeSegments(target.path) + (target.query === '' ? '' : `?${target.query}`);
      options.next(request, response);
    }
  };
}

/** What is wrong with the host of a request, or `null`: HTTP/1.1 asks for exactly one (as Go `net/http` readRequest). */
function hostProblem({ httpVersion, rawHeaders }: IncomingMessage): string | null {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === 'host') hosts += 1;
  if (hosts > 1) return 'too many Host headers';
  return hosts === 0 && httpVersion === '1.1' ? 'missing required Host header' : null;
}

function redirect(method: string, location: string): Answer {
  const headers = { Location: location };
  if (method !== 'GET' && method !== 'HEAD') return { status: 301, headers };
  const escaped = location.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;').replaceAll("'", '&#39;');
  return { status: 301, headers, contentType: 'text/html; charset=utf-8', body: `<a href="${escaped}">Moved Permanently</a>.\n\n` };
}

/** So that the router matches the decoded path and its parameters come out as they were. */
function escapeSegments(path: string): string {
  return /^[\w./:~-]*$/.test(path) ? path : path.split('/').map((segment) => encodeURIComponent(segment).replaceAll('%3A', ':')).join('/');
}
