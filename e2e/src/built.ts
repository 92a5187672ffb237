import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FleetError } from '@fleet/runtime';

/** The working tree. */
export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

interface Manifest {
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
}

/** The program a user would run, after a build. */
export function builtFleetctl(): string {
  return built('fleetctl');
}

export function builtFleetd(): string {
  return built('fleetd');
}

/** The archive that operators unpack on machines. */
export function builtArchive(): string {
  const [file] = globSync('dist/fleet-*.tar.gz', { cwd: repository });
  if (file === undefined) throw new FleetError(`there is no archive in ${repository}/dist`, { code: 'NOT_BUILT', kind: 'unavailable', remedy: 'run "npm run archive" first' });
  return join(repository, file);
}

/** The version that the built programs say. */
export function fleetVersion(): string {
  return manifest('fleetd').version;
}

function manifest(app: string): Manifest {
  return JSON.parse(readFileSync(join(repository, 'apps', app, 'package.json'), 'utf8')) as Manifest;
}

function built(app: string): string {
  const program = manifest(app).bin?.[app];
  if (program === undefined) throw new FleetError(`apps/${app}/package.json names no program "${app}"`, { code: 'NOT_BUILT', kind: 'internal' });
  const file = join(repository, 'apps', app, program);
  if (!existsSync(file)) throw new FleetError(`${file} is missing`, { code: 'NOT_BUILT', kind: 'unavailable', remedy: 'run "npm run build" first' });
  return file;
}
