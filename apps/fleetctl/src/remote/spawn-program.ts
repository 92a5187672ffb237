import { constants } from 'node:os';
import type { ProgramResult, SpawnOptions } from '../cli/context.ts';

/** Runs a program to its end. @throws the system's error when it cannot be run. */
export async function spawnProgram(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<ProgramResult> {
  // Loaded here because most commands never run a program.
  const { spawn } = await import('node:child_process');
  const inherit = options.streams !== 'capture';
  const child = spawn(program, args, {
    stdio: inherit && options.onOutput === undefined ? 'inherit' : [inherit ? 'inherit' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      if (options.onOutput === undefined) texts[name] += text;
      else options.onOutput(text, name);
    });
  }
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), ...texts }));
  });
}
