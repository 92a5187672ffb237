import type { ErrorEntity } from '@fleet/api';
import { isFleetError, type ErrorKind } from '@fleet/runtime';
import { errorAnswer, type Answer } from './answer.ts';

/** The one place that says which failure is which status. */
const STATUS: Readonly<Record<ErrorKind, number>> = { invalid: 400, 'not-found': 404, conflict: 409, unavailable: 503, internal: 500 };
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_CHANGES: 413,
  STORE_REQUEST_TOO_LARGE: 413,
  // The unit is there; that its text is not is damage, and a client must not take it for an absent unit.
  UNIT_TEXT_MISSING: 500,
};

function statusOf(error: unknown): number {
  if (!isFleetError(error)) return 500;
  return STATUS_BY_CODE[error.code] ?? STATUS[error.kind];
}

/**
 * A failure as version 1 tells it: failures of the store and of the daemon itself are 500 with an empty message, as the
 * original has it; only a request for a revision knows 503.
 */
export function v1ErrorAnswer(error: unknown): Answer {
  const status = statusOf(error);
  if (isFleetError(error, 'REVISION_NOT_REACHED')) return errorAnswer(503, error.message);
  if (status >= 500 || !isFleetError(error)) return errorAnswer(500, '');
  return errorAnswer(status, error.message);
}

/** A failure as version 2 tells it: with the stable name and the remedy; causes stay in the log. */
export function v2ErrorAnswer(error: unknown): Answer {
  const status = statusOf(error);
  if (!isFleetError(error)) return errorAnswer(500, 'the daemon failed; its log has more', { name: 'INTERNAL' });
  return errorAnswer(status, error.message, describe(error));
}

function describe(error: { readonly code: string; readonly remedy: string | undefined }): Omit<ErrorEntity['error'], 'code' | 'message'> {
  return { name: error.code, ...(error.remedy !== undefined && { remedy: error.remedy }) };
}

