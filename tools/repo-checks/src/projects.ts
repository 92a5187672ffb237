import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

export interface PublishedProject {
  /** Name in the registry, such as `@fleet/model`. */
  readonly name: string;
  /** Folder below the root, such as `packages/model`. */
  readonly folder: string;
  readonly directory: string;
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** What `nx release` publishes: the packages and the apps. */
export function publishedProjects(): readonly PublishedProject[] {
  return globSync('{packages,apps}/*/package.json', { cwd: repositoryRoot })
    .sort()
    .map((file) => {
      const manifest = JSON.parse(readFileSync(join(repositoryRoot, file), 'utf8')) as Record<string, unknown>;
      return { name: String(manifest['name']), folder: dirname(file), directory: join(repositoryRoot, dirname(file)), manifest };
    });
}

/** Files under version control, new ones that are not ignored included. */
export function trackedFiles(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: repositoryRoot, maxBuffer: 64 * 1024 * 1024 });
  return listed.toString().split('\0').filter(Boolean);
}
