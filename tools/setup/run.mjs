import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The environment of everything the setup starts: the workspace's own tools and its Node first in PATH. */
export function environment(extra = {}) {
  const bin = join(root, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== bin);
  // Administrators' folders, which a user's PATH may lack, hold ip, sshd and others that tests look for.
  const administrators = process.platform === 'win32' ? [] : ['/usr/local/sbin', '/usr/sbin', '/sbin'];
  return {
    ...process.env,
    PATH: [bin, ...path, ...administrators.filter((folder) => !path.includes(folder))].join(delimiter),
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
    ...extra,
  };
}

const running = new Set();
let interruptedBy;

/** The signal that asked us to end, or undefined. */
export const interruption = () => interruptedBy;

/** On a signal: ends what is running and lets the caller clean up; gives up on that after ten seconds. */
export function endOnSignals() {
  for (const signal of Object.keys(exitCodes)) {
    process.on(signal, () => {
      interruptedBy ??= signal;
      endRunning('SIGTERM');
      setTimeout(() => process.exit(exitCodes[signal]), 10_000).unref();
    });
  }
}

export const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Runs a command. With `show` its output goes to the terminal, otherwise it is collected. Resolves to { code, output }; never rejects. */
export function run(file, args, { show = false, env = environment(), cwd = root } = {}) {
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(file, args, { cwd, env, stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const finish = (code, note = '') => {
      running.delete(child);
      resolve({ code, output: Buffer.concat(chunks).toString() + note });
    };
    child.once('error', (error) => finish(127, `cannot run ${file}: ${error.message}`));
    child.once('close', (code, signal) => finish(code ?? 1, signal === null ? '' : `\n${file} was ended by ${signal}`));
  });
}

/** Passes a signal on to what is running, so that nothing is left behind. */
export function endRunning(signal) {
  for (const child of running) child.kill(signal);
}
