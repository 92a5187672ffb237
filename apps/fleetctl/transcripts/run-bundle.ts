import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The built command, as users run it. */
export const BUNDLE = join(import.meta.dirname, '../dist/main.js');

/** The same as a program that needs no Node. */
export const EXECUTABLE = join(import.meta.dirname, '../executable/fleetctl');

/** Unit files to start. */
export const UNITS = join(import.meta.dirname, 'units');

export interface BundleRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BundleOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

/** Runs the built command as a process of its own. */
export function runBundle(argv: readonly string[], options: BundleOptions = {}): Promise<BundleRun> {
  if (!existsSync(BUNDLE)) throw new Error('build first: nx run @fleet/fleetctl:build');
  return runProgram(process.execPath, [BUNDLE, ...argv], { ...options, env: { ...process.env, NODE_OPTIONS: '', ...options.env } });
}

/** Runs the single executable in a process of its own, in an environment without Node. */
export function runExecutable(argv: readonly string[], options: BundleOptions = {}): Promise<BundleRun> {
  if (!existsSync(EXECUTABLE)) throw new Error('build first: nx run @fleet/fleetctl:executable');
  return runProgram(EXECUTABLE, argv, { ...options, env: { PATH: '/usr/bin:/bin', ...options.env } });
}

async function runProgram(program: string, argv: readonly string[], options: Omit<BundleOptions, 'env'> & { readonly env: NodeJS.ProcessEnv }): Promise<BundleRun> {
  const child = spawn(program, argv, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  child.stdin.on('error', () => undefined).end(options.stdin ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, ...texts };
}
