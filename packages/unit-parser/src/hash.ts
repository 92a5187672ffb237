import { encodeText } from './byte-text.ts';
import type { UnitOption } from './types.ts';
import { formatUnitFile } from './unit-file.ts';

/** SHA-1 of some bytes as 40 lower case hex digits. */
export type Sha1 = (bytes: Uint8Array) => string;

/** The hash of a unit file, with a SHA-1 of the caller's; for places without `node:crypto`, such as a browser. */
export function hashUnitFileWith(options: readonly UnitOption[], sha1: Sha1): string {
  return hashTextWith(formatUnitFile(options), sha1);
}

/** The hash of serialised text, with a SHA-1 of the caller's. */
export function hashTextWith(text: string, sha1: Sha1): string {
  return sha1(encodeText(text));
}
