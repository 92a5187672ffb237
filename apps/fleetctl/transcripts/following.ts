import { spawn, type ChildProcess } from 'node:child_process';
import { BUNDLE } from './run-bundle.ts';

/** The built command where it goes on until it is told to end, with what it has printed into its pipes. */
export class Following {
  out = '';
  err = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [BUNDLE, ...argv], { env: { ...process.env, NODE_OPTIONS: '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.ended = new Promise((resolve) => child.once('close', resolve));
    this.child = child;
  }

  async end(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<{ readonly code: number | null; readonly stderr: string }> {
    this.child.kill(signal);
    return { code: await this.ended, stderr: this.err };
  }

  /** Ends it, should it still run. */
  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}
