/** What a caller can do about a failure; one table maps it to an HTTP status, another to an exit code. */
export type ErrorKind = 'invalid' | 'not-found' | 'conflict' | 'unavailable' | 'internal';

export interface FleetErrorOptions {
  /** Stable, upper-case name of the failure, such as `UNIT_NOT_FOUND`. */
  readonly code: string;
  readonly kind: ErrorKind;
  readonly cause?: unknown;
  /** What the reader can do about it; shown after the message. */
  readonly remedy?: string;
}

/**
 * A failure with a name. Ask with {@link isFleetError}, not `instanceof`: two copies of this package may be installed.
 *
 * @example throw new FleetError('unit web.service does not exist', { code: 'UNIT_NOT_FOUND', kind: 'not-found' });
 */
export class FleetError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly remedy: string | undefined;

  constructor(message: string, options: FleetErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FleetError';
    this.code = options.code;
    this.kind = options.kind;
    this.remedy = options.remedy;
  }
}

/** Whether `error` is a {@link FleetError}, of the given code if one is named. */
export function isFleetError(error: unknown, code?: string): error is FleetError {
  return error instanceof Error && error.name === 'FleetError' && 'kind' in error && (code === undefined || ('code' in error && error.code === code));
}

/** An error of this or of another realm (a vm context, as of a test runner, has an `Error` of its own). */
function isErrorLike(value: unknown): value is Error {
  return value instanceof Error || (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string');
}

/** The message of anything that was thrown, with the messages of its causes, one line. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 5; depth += 1) {
    const text = isErrorLike(current) ? current.message : typeof current === 'string' ? current : JSON.stringify(current);
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
    current = isErrorLike(current) ? current.cause : undefined;
  }
  return parts.join(': ').replaceAll(/\s*\n\s*/g, ' ');
}
