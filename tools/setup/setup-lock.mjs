import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { say, SetupError } from './console.mjs';
import { interruption, root } from './run.mjs';

const file = join(root, '.nx', 'setup.lock');

/** Installing and building change the same directories: two commands in one clone take turns. */
export async function withSetupLock(action) {
  let told = false;
  while (!tryTake()) {
    if (!told) say('Another command is installing or building in this directory; waiting for it …');
    told = true;
    if (interruption() !== undefined) throw new SetupError('interrupted');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryTake() {
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  let owner;
  try {
    owner = Number(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
  // Empty for the moment between creating and writing; a number whose process is gone was left by a crash.
  if (owner > 0 && !isAlive(owner)) rmSync(file, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
