import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The built command, as users run it. */
export const BUNDLE = join(import.meta.dirname, '../dist/main.js');

export interface BundleRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command as a process of its own. */
export async function runBundle(argv: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly stdin?: string; readonly timeoutMs?: number } = {}): Promise<BundleRun> {
  if (!existsSync(BUNDLE)) throw new Error('build first: nx run @fleet/fleetctl:build');
  const child = spawn(process.execPath, [BUNDLE, ...argv], { cwd: options.cwd, env: { ...process.env, NODE_OPTIONS: '', ...options.env }, stdio: 'pipe' });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  child.stdin.on('error', () => undefined).end(options.stdin ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, ...texts };
}
