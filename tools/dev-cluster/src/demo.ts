import { spawn } from 'node:child_process';
import { FleetError } from '@fleet/runtime';

/** A running cluster to show. */
export interface DemoCluster extends AsyncDisposable {
  /** One sentence: what was started. */
  readonly summary: string;
  /** The `fleetctl` to run, and how it finds the cluster. */
  readonly fleetctl: { readonly command: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> };
  /** The unit file to start. */
  readonly hello: string;
  /** What hello.service has printed so far, and where that can be read. */
  helloOutput(): Promise<string>;
  /** How to go on, line by line. */
  readonly nextSteps: readonly string[];
}

export interface DemoRun {
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly say: (line?: string) => void;
}

/** Starts hello.service, shows the cluster, says how to go on, and waits for the signal (or not, with `once`). */
export async function runDemo(cluster: DemoCluster, { once, signal, say }: DemoRun): Promise<void> {
  const fleetctl = async (...args: readonly string[]): Promise<void> => {
    signal.throwIfAborted();
    say(`$ fleetctl ${args.join(' ')}`);
    await runVisibly([...cluster.fleetctl.command, ...args], cluster.fleetctl.env, signal);
    say();
  };
  say(cluster.summary);
  say();
  await fleetctl('start', cluster.hello);
  await fleetctl('list-machines');
  await fleetctl('list-units');
  await fleetctl('list-unit-files');
  const output = await untilSaid(cluster, signal);
  say(`hello.service says: ${output}`);
  say();
  if (once) return;
  for (const line of cluster.nextSteps) say(line);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The first line of the unit, once there is one. */
async function untilSaid(cluster: DemoCluster, signal: AbortSignal): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    signal.throwIfAborted();
    const [line] = (await cluster.helloOutput()).split('\n').filter((text) => text.includes('Hello'));
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new FleetError('hello.service was started but has printed nothing in five seconds', { code: 'DEMO_SILENT', kind: 'internal' });
}

function runVisibly([file = '', ...args]: readonly string[], env: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
    const end = (): void => {
      child.kill('SIGTERM');
    };
    signal.addEventListener('abort', end, { once: true });
    child.once('error', reject);
    child.once('exit', (code, ended) => {
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason as Error);
      else if (code === 0) resolve();
      else reject(new FleetError(`fleetctl ${args.join(' ')} ended with ${code === null ? String(ended) : `exit code ${code}`}`, { code: 'DEMO_COMMAND', kind: 'internal' }));
    });
  });
}
