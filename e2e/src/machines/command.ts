import { spawn } from 'node:child_process';
import { FleetError } from '@fleet/runtime';

export interface CommandOptions {
  readonly signal?: AbortSignal | undefined;
  /** The command is killed after this long; 30 s unless told. */
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly cwd?: string;
  /** The whole environment of the command; the caller's own unless told. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface CommandResult {
  /** Exit code; 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGTERM: 15 };

/**
 * Runs a command to its end and gives what it printed, whatever its exit code.
 *
 * @throws FleetError `COMMAND_NOT_RUN` (kind unavailable) when it cannot be started or takes longer than `timeoutMs`; the signal's reason when aborted.
 */
export function runCommand(file: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { signal, timeoutMs = 30_000 } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const kill = (): void => {
      child.kill('SIGKILL');
      // What the command left behind may hold the pipes open: closing our ends lets the promise settle.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeoutMs);
    signal?.addEventListener('abort', kill, { once: true });
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    };
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A command may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const named = [file, ...args].join(' ');
    child.once('error', (cause) => {
      finish();
      reject(new FleetError(`cannot run ${file}: ${cause.message}`, { code: 'COMMAND_NOT_RUN', kind: 'unavailable', cause }));
    });
    child.once('close', (code, ended) => {
      finish();
      const result = {
        code: code ?? 128 + (signalNumbers[ended ?? ''] ?? 0),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      };
      if (signal?.aborted === true) reject(signal.reason as Error);
      else if (timedOut)
        reject(new FleetError(`${named}: no end after ${timeoutMs} ms; it printed: ${result.stdout}${result.stderr}`, { code: 'COMMAND_NOT_RUN', kind: 'unavailable' }));
      else resolve(result);
    });
  });
}

/** The output of a command that has to succeed. @throws FleetError `COMMAND_FAILED` with what it printed. */
export async function expectSuccess(what: string, result: Promise<CommandResult>): Promise<string> {
  const { code, stdout, stderr } = await result;
  if (code !== 0) throw new FleetError(`${what}: exit code ${code}: ${stderr.trim() || stdout.trim()}`, { code: 'COMMAND_FAILED', kind: 'internal' });
  return stdout;
}
