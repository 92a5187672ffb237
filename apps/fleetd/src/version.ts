import { readFileSync } from 'node:fs';

/** The release. The build puts the number in its place. */
export const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string }).version;
