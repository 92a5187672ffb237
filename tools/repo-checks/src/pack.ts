import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot, type PublishedProject } from './projects.ts';

const run = promisify(execFile);

export interface Packed {
  readonly name: string;
  readonly tarball: string;
  /** Paths in the package. */
  readonly files: readonly string[];
}

interface Answer {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** `npm pack` of projects into a directory, by name of the package. */
export async function packProjects(projects: readonly PublishedProject[], directory: string): Promise<ReadonlyMap<string, Packed>> {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', `--pack-destination=${directory}`, ...projects.flatMap(({ folder }) => ['--workspace', folder])], {
    cwd: repositoryRoot,
    maxBuffer: 64 * 1024 * 1024,
  });
  // An array, or an object by name, depending on the npm.
  const answers = Object.values(JSON.parse(stdout) as readonly Answer[] | Readonly<Record<string, Answer>>);
  return new Map(
    answers.map(({ name, filename, files }) => [
      name,
      { name, tarball: join(directory, filename.replace(/^@/, '').replace('/', '-')), files: files.map(({ path }) => path) },
    ]),
  );
}

/** Puts what is in a tarball where npm would put it: into `directory`. */
export async function unpack({ tarball }: Packed, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', directory, '--strip-components=1']);
}
