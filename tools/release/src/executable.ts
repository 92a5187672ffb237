// Makes a single executable of a program that was built to CommonJS files: Node itself with the files inside.
// usage: node executable.ts FOLDER OUTPUT
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';

/** What Node looks for in itself to find out that it carries a program; named in its documentation of single executables. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** `folder` holds main.js and what it requires. The output is written beside and renamed, so that a running one is not disturbed. */
function createExecutable(folder: string, output: string): void {
  if (process.platform !== 'linux') throw new Error(`single executables are made on Linux, this is ${process.platform}`);
  const place = dirname(output);
  mkdirSync(place, { recursive: true });
  const work = mkdtempSync(join(place, '.making-'));
  try {
    const assets = prepareFiles(folder, join(work, 'files'));
    const blob = join(work, 'program.blob');
    const settings = join(work, 'settings.json');
    writeFileSync(settings, JSON.stringify({ main: fileURLToPath(new URL('loader.cjs', import.meta.url)), output: blob, disableExperimentalSEAWarning: true, useCodeCache: true, assets }));
    run('--experimental-sea-config', settings);
    const program = join(work, basename(output));
    copyFileSync(process.execPath, program);
    chmodSync(program, 0o755);
    run(join(dirname(createRequire(import.meta.url).resolve('postject/package.json')), 'dist/cli.js'), program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE);
    renameSync(program, output);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Copies the files as the loader wants them: without a first line for the shell, each with what V8 has compiled of it, which is good for this very
 * version of Node and is passed over by others. Returns where each is, by name.
 */
function prepareFiles(folder: string, to: string): Readonly<Record<string, string>> {
  const names = globSync('**/*.js', { cwd: folder });
  if (!names.includes('main.js')) throw new Error(`${folder} holds no main.js: build the program first`);
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8').replace(/^#!.*/, '');
      const { cachedData } = compileFunction(text, ['exports', 'require', 'module', '__filename', '__dirname'], { filename: name, produceCachedData: true }) as { readonly cachedData?: Buffer };
      const file = join(to, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      writeFileSync(`${file}.cache`, cachedData ?? '');
      return [
        [name, file],
        [`${name}.cache`, `${file}.cache`],
      ];
    }),
  );
}

/** Runs the workspace's Node; what it says is shown only if it fails. */
function run(...args: readonly string[]): void {
  const { NODE_OPTIONS: _ignored, ...env } = process.env;
  try {
    execFileSync(process.execPath, args, { env, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`node ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

if (import.meta.main) {
  const [folder, output] = process.argv.slice(2);
  if (folder === undefined || output === undefined) throw new Error('usage: executable.ts FOLDER OUTPUT');
  createExecutable(folder, output);
}
