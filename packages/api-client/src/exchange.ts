import { MIN_REVISION_HEADER, REVISION_HEADER } from '@fleet/api/wire';
import { apiError, isErrorEntity, requestFailed } from './errors.ts';
import type { HttpClient, HttpRequest } from './http/http-client.ts';

/** Remembers the newest revision this client wrote, so that later reads, on whichever daemon, show it. */
export interface WriteMark {
  revision: number;
}

export interface ExchangeRequest extends HttpRequest {
  readonly minRevision?: number | undefined;
  /** A 409 may carry an answer rather than an error: results of which some are failures. */
  readonly answersConflict?: boolean;
}

/**
 * One request of JSON for JSON.
 *
 * @throws FleetError `REQUEST_FAILED`; the error entity's name or `API_ERROR` when the answer is not a success.
 */
export async function exchangeJson<T>(http: HttpClient, request: ExchangeRequest, decode: (value: unknown) => T, mark?: WriteMark): Promise<T> {
  const body = await exchangeText(http, request, mark);
  const url = http.url(request.path);
  if (body === '') throw requestFailed(request.method, url, 'EOF');
  try {
    return decode(JSON.parse(body));
  } catch (error) {
    throw requestFailed(request.method, url, `unexpected answer: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** The same, for answers whose body does not matter. */
export async function exchangeText(http: HttpClient, request: ExchangeRequest, mark?: WriteMark): Promise<string> {
  const min = Math.max(request.minRevision ?? 0, request.method === 'GET' ? (mark?.revision ?? 0) : 0);
  const response = await http.request(min > 0 ? { ...request, headers: { ...request.headers, [MIN_REVISION_HEADER]: String(min) } } : request);
  const succeeded = response.status >= 200 && response.status <= 299;
  if (!succeeded && (request.answersConflict !== true || response.status !== 409 || isErrorEntity(response.body))) throw apiError(response.status, response.body);
  if (mark !== undefined && request.method !== 'GET') {
    const revision = Number(response.headers.get(REVISION_HEADER.toLowerCase()) ?? 0);
    if (Number.isSafeInteger(revision) && revision > mark.revision) mark.revision = revision;
  }
  return response.body;
}
