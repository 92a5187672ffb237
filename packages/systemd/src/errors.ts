import { describeError, FleetError } from '@fleet/runtime';

/** systemd, or the adapter in its place, will not have this unit. */
export function unitRefused(message: string, options: { readonly cause?: unknown; readonly remedy?: string } = {}): FleetError {
  return new FleetError(message, { code: 'UNIT_REFUSED', kind: 'invalid', ...options });
}

/** There is no connection to systemd now. */
export function systemdUnavailable(message: string, options: { readonly cause?: unknown; readonly remedy?: string } = {}): FleetError {
  return new FleetError(message, { code: 'SYSTEMD_UNAVAILABLE', kind: 'unavailable', ...options });
}

/** systemd did not answer in time; what was asked may have happened all the same. */
export function systemdTimeout(message: string, options: { readonly remedy?: string } = {}): FleetError {
  return new FleetError(message, { code: 'SYSTEMD_TIMEOUT', kind: 'unavailable', ...options });
}

/** A unit file could not be read, written or removed; the file error is the cause. */
export function unitFileFailed(doing: string, path: string, cause: unknown): FleetError {
  return new FleetError(`${doing} ${path}: ${describeError(cause)}`, {
    code: 'UNIT_FILE_WRITE',
    kind: 'internal',
    cause,
    remedy: 'check that the directory exists, is writable for fleetd and that the disk is not full',
  });
}
