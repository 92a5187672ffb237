import { readFileSync } from 'node:fs';

/** The release, with the letter that the original's had. The build puts the number in its place, so that nothing is read then. */
export const VERSION = `v${(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version}`;
