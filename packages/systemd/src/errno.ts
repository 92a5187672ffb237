/**
 * The code of a system error such as `ENOENT`. Asks for the property and not for `instanceof Error`: Node's own errors
 * belong to another realm where code runs in a vm context, as in test runners.
 */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether a file or a directory on the way to it does not exist. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
}
