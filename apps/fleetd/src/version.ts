import { existsSync, readFileSync } from 'node:fs';

/** From this package's package.json: one folder above sources and bundle, two above the bundle that the tests make. */
export function readVersion(): string {
  const near = new URL('../package.json', import.meta.url);
  const file = existsSync(near) ? near : new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}
