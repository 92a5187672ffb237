import { hash } from 'node:crypto';

import { encodeText, hasLoneSurrogate } from './byte-text.ts';
import type { UnitOption } from './types.ts';
import { formatUnitFile } from './unit-file.ts';

/**
 * SHA-1 of the serialised options, 40 lower case hex digits (as fleet `unit/unit.go` Hash). Two unit files are the same for all
 * purposes if and only if their hashes are equal.
 */
export function hashUnitFile(options: readonly UnitOption[]): string {
  return hashText(formatUnitFile(options));
}

/** SHA-1 of serialised text. Bytes that are not UTF-8 count as the bytes they are (see `encodeText`). */
export function hashText(text: string): string {
  return hash('sha1', hasLoneSurrogate(text) ? encodeText(text) : text, 'hex');
}
