import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dim, green, say, seconds, SetupError } from './console.mjs';
import { root, run } from './run.mjs';

/**
 * Why node_modules does not hold what package-lock.json asks for, or undefined when it does. npm writes its own copy of the
 * lock into node_modules as the last thing it does, so an interrupted installation counts as none.
 */
export function whyInstall(folder = root) {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const record = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return 'they are not installed yet';
  let installed;
  try {
    installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  } catch {
    return 'the installed ones are incomplete';
  }
  for (const [path, wanted] of Object.entries(lock)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    if (wanted.link === true) {
      if (!existsSync(join(folder, path))) return `${path} is missing`;
    } else if (installed[path] === undefined) {
      // Packages for other platforms are in the lock and not on the disk.
      if (wanted.optional !== true && wanted.devOptional !== true && wanted.peer !== true) return `${path} is missing`;
    } else if (installed[path].version !== wanted.version) return `${path} is not ${wanted.version}`;
  }
  return undefined;
}

/** Installs the npm packages of the lock unless they are there. */
export async function installNpmPackages() {
  const reason = whyInstall();
  if (reason === undefined) return;
  say(`Installing npm packages ${dim(`(about 500 MB in node_modules, 20 to 60 s; ${reason})`)} …`);
  const started = Date.now();
  // `npm` as it was called, so that the same npm and registry settings apply; npm itself runs on the host's Node.
  const cli = process.env.npm_execpath;
  const [file, ...before] = cli?.endsWith('.js') ? [process.env.npm_node_execpath ?? process.execPath, cli] : ['npm'];
  const { code, output } = await run(file, [...before, 'ci', '--no-audit', '--no-fund'], { env: withoutNpmSettings() });
  if (code !== 0) {
    throw new SetupError(
      `npm ci failed (exit code ${code}):\n${output.trim()}`,
      'Check that the npm registry can be reached (npm ping), then run the command again. An installation that was interrupted starts anew by itself.',
    );
  }
  say(`${green('✓')} npm packages installed ${dim(`in ${seconds(Date.now() - started)}`)}`);
}

// npm hands its running command's settings down as npm_config_*; a nested `npm ci` would take `npm run -s` for its own options.
function withoutNpmSettings() {
  const kept = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^npm_(config_(global|prefix|local_prefix|workspace.*|include_workspace_root|loglevel)|lifecycle_|package_|command$)/i.test(name)) kept[name] = value;
  }
  return kept;
}
