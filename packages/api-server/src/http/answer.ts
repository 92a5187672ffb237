import { JSON_MEDIA_TYPE, REVISION_HEADER, type ErrorEntity } from '@fleet/api';
import { writeJson } from './json-write.ts';

/** What a handler answers; the HTTP layer adds `Server`, `Date` and the length. */
export interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Headers that say which registry revision an answer holds. */
export function revisionHeaders(revision: number): Readonly<Record<string, string>> {
  return { [REVISION_HEADER]: String(revision) };
}

export function jsonAnswer(status: number, body: string | Buffer, revision?: number): Answer {
  return { status, contentType: JSON_MEDIA_TYPE, body, ...(revision !== undefined && { headers: revisionHeaders(revision) }) };
}

/** The error entity; `message` may be empty. */
export function errorAnswer(status: number, message: string, more: Omit<ErrorEntity['error'], 'code' | 'message'> = {}): Answer {
  const entity: ErrorEntity = { error: { code: status, message, ...more } };
  return jsonAnswer(status, writeJson(entity));
}
