import type { ApiErrorInfo } from '@fleet/api/wire';
import { FleetError, type ErrorKind } from '@fleet/runtime';

/** Code of a failure to get any answer. */
export const REQUEST_FAILED = 'REQUEST_FAILED';
/** Code of an answer that is not a success and does not name itself; servers of version 2 give names such as `UNIT_NOT_FOUND`. */
export const API_ERROR = 'API_ERROR';

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ECONNREFUSED: 'connection refused',
  EACCES: 'permission denied',
  ENOTSOCK: 'socket operation on non-socket',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ECONNRESET: 'connection reset by peer',
  EPIPE: 'broken pipe',
  ETIMEDOUT: 'connection timed out',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENAMETOOLONG: 'file name too long',
};

/** The operating system's words for an error, as the original's runtime printed them. */
export function systemErrorText(error: unknown): string {
  const code = errorCode(error);
  if (code !== undefined && code in SYSTEM_WORDS) return SYSTEM_WORDS[code] ?? code;
  return error instanceof Error ? error.message : String(error);
}

/** The `code` member of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** `Get "http://domain-sock/…": <why>`, as the original's HTTP library wrote it. */
export function requestFailed(method: string, url: string, why: string, cause?: unknown): FleetError {
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  return new FleetError(`${verb} "${url}": ${why}`, { code: REQUEST_FAILED, kind: 'unavailable', ...(cause === undefined ? {} : { cause }) });
}

/** An answer other than 2xx. */
export class ApiError extends FleetError {
  /** `error.code` of the body, or the HTTP status. */
  readonly status: number;
  /** The server's own message; empty if it gave none. */
  readonly reason: string;
  /** Whether the body was the error entity of version 2, which names itself. */
  readonly named: boolean;

  constructor(message: string, details: { readonly status: number; readonly reason: string; readonly name?: string | undefined; readonly remedy?: string | undefined }) {
    super(message, {
      code: details.name ?? API_ERROR,
      kind: kindOfStatus(details.status),
      ...(details.remedy === undefined ? {} : { remedy: details.remedy }),
    });
    this.status = details.status;
    this.reason = details.reason;
    this.named = details.name !== undefined;
  }
}

/** Whether the server answered with this status (by the code in the error body where there is one). */
export function isApiError(error: unknown, status?: number): error is ApiError {
  return error instanceof Error && error.name === 'FleetError' && 'status' in error && 'reason' in error && (status === undefined || error.status === status);
}

/** The failure that an answer other than 2xx stands for, worded as the original's client did. */
export function apiError(httpStatus: number, body: string): ApiError {
  const entity = readErrorEntity(body);
  if (entity === undefined || entity.message === '') {
    return new ApiError(`googleapi: got HTTP response code ${httpStatus} with body: ${body}`, { status: httpStatus, reason: '', name: entity?.name });
  }
  const status = entity.code === 0 ? httpStatus : entity.code;
  return new ApiError(`googleapi: Error ${status}: ${entity.message}`, { status, reason: entity.message, name: entity.name, remedy: entity.remedy });
}

const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = { invalid: 400, 'not-found': 404, conflict: 409, unavailable: 503, internal: 500 };

/** The failure of one unit in a bulk answer. */
export function unitError(info: ApiErrorInfo): ApiError {
  const status = STATUS_OF_KIND[info.kind];
  return new ApiError(`googleapi: Error ${status}: ${info.message}`, { status, reason: info.message, name: info.name, remedy: info.remedy });
}

function kindOfStatus(status: number): ErrorKind {
  if (status === 404) return 'not-found';
  if (status === 409 || status === 412) return 'conflict';
  if (status === 502 || status === 503 || status === 504) return 'unavailable';
  if (status >= 400 && status < 500) return 'invalid';
  return 'internal';
}

/** Whether a body is the error entity of either version. */
export function isErrorEntity(body: string): boolean {
  return readErrorEntity(body) !== undefined;
}

function readErrorEntity(body: string): { code: number; message: string; name: string | undefined; remedy: string | undefined } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const error = typeof parsed === 'object' && parsed !== null && 'error' in parsed ? parsed.error : undefined;
  if (typeof error !== 'object' || error === null) return undefined;
  const read = (name: string): string | undefined => {
    const value: unknown = (error as Record<string, unknown>)[name];
    return typeof value === 'string' ? value : undefined;
  };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : 0;
  return { code, message: read('message') ?? '', name: read('name'), remedy: read('remedy') };
}

/** Whether a failure only says that the server does not know version 2 at all. */
export function isUnknownVersion(error: unknown): boolean {
  return isApiError(error) && (error.status === 404 || error.status === 405) && !error.named;
}
