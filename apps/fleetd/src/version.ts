import { readFileSync } from 'node:fs';

/** From this package's package.json, which lies one folder above both the sources and the bundle. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string };
  return version;
}
