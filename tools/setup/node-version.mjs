import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './console.mjs';
import { root } from './run.mjs';

const oldestForSetup = [18, 0];
const oldestForFleet = [22, 13];

function isAtLeast(version, [major, minor]) {
  const [have = 0, haveMinor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return have > major || (have === major && haveMinor >= minor);
}

export function checkNodeForSetup(version = process.version) {
  if (!isAtLeast(version, oldestForSetup))
    throw new SetupError(`this is Node ${version}; the setup needs Node ${oldestForSetup[0]} or newer`, 'Install a current Node (https://nodejs.org) and run the command again.');
}

/**
 * The Node that runs fleet: the one installed with the packages (Linux on x64 and arm64), or this one when it is new enough.
 * On a system whose C library the packaged one does not fit, it does not start, and this one is taken.
 */
export function findNode() {
  const packaged = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(packaged)) {
    const answer = spawnSync(packaged, ['--version'], { encoding: 'utf8' });
    if (answer.status === 0 && isAtLeast(answer.stdout.trim(), oldestForFleet)) return packaged;
  }
  if (isAtLeast(process.version, oldestForFleet)) return process.execPath;
  throw new SetupError(
    `this is Node ${process.version} on ${process.platform} ${process.arch}, for which no Node comes with the packages; fleet needs Node ${oldestForFleet.join('.')} or newer`,
    'Install Node 24 (https://nodejs.org) and run the command again.',
  );
}
