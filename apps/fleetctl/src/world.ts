import { fstatSync, writeSync } from 'node:fs';
import type { Context, Output } from './cli/context.ts';
import { Interrupted } from './cli/interrupted.ts';
import type { World } from './run.ts';
import { VERSION } from './version.ts';

/** The real world: this process. */
export function processWorld(): World {
  return createWorld({
    env: process.env,
    cwd: process.cwd(),
    stdout: descriptorOutput(1),
    stderr: descriptorOutput(2),
    stdinIsTerminal: () => isCharacterDevice(0) && process.stdin.isTTY,
    onInterrupt: (interrupt) => {
      for (const [name, number] of [['SIGINT', 2], ['SIGTERM', 15]] as const) process.once(name, () => interrupt(128 + number));
    },
  });
}

export interface WorldOptions extends Pick<World, 'env' | 'cwd' | 'stdout' | 'stderr'> {
  readonly stdinIsTerminal: () => boolean;
  /** Arranges for the function to be called, with the exit code to end with, when the run is to be interrupted. */
  readonly onInterrupt: (interrupt: (exitCode: number) => void) => void;
}

/** A world of the given streams; everything else is this machine's. */
export function createWorld(options: WorldOptions): World {
  const { env, cwd, stdout, stderr } = options;
  return {
    env,
    cwd,
    stdout,
    stderr,
    createContext: (flags) => {
      const interrupt = new AbortController();
      const context: Context = {
        env,
        cwd,
        stdout,
        stderr,
        get stdinIsTerminal() {
          return options.stdinIsTerminal();
        },
        signal: interrupt.signal,
        version: VERSION,
        client: async () => await (await import('./commands/listings.ts')).connect(flags, context),
        spawn: async (program, args, spawning) => await (await import('./commands/index.ts')).spawnProgram(program, args, spawning),
        interruption: undefined,
      };
      options.onInterrupt((exitCode) => interrupt.abort(new Interrupted(context.interruption ?? 'Interrupted.', exitCode)));
      return context;
    },
  };
}

/**
 * Writes straight to a file descriptor: `process.stdout` costs some milliseconds to load. A full pipe is waited for; a reader that went away ends
 * the process quietly, as it does other programs.
 */
function descriptorOutput(descriptor: 1 | 2): Output {
  return {
    write(text) {
      const bytes = Buffer.from(text, 'utf8');
      for (let at = 0; at < bytes.length; ) {
        try {
          at += writeSync(descriptor, bytes, at);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
          else if (code === 'EPIPE') process.exit(128 + 13);
          else throw error;
        }
      }
    },
    get isTerminal() {
      if (!isCharacterDevice(descriptor)) return false;
      return descriptor === 1 ? process.stdout.isTTY : process.stderr.isTTY;
    },
    get columns() {
      return (descriptor === 1 ? process.stdout.columns : process.stderr.columns) || 80;
    },
    get rows() {
      return (descriptor === 1 ? process.stdout.rows : process.stderr.rows) || 24;
    },
  };
}

/** Quick look before the streams of the process are loaded to ask them. */
function isCharacterDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}
