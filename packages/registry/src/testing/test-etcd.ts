import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@fleet/runtime/testing';

export interface TestEtcd extends AsyncDisposable {
  /** For clients, such as `http://127.0.0.1:41234`. */
  readonly endpoints: readonly string[];
  readonly port: number;
  /** Stops the process in its tracks (SIGSTOP): its sockets stay open and silent. */
  pause(): void;
  resume(): void;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts again on the same data and port; `keepData: false` begins with an empty store. */
  restart(options?: { readonly keepData?: boolean }): Promise<void>;
  /** Ends the process in good order and removes its data. */
  stop(): Promise<void>;
}

export interface TestEtcdOptions {
  /** Further arguments, such as those for TLS. They come last and so win. */
  readonly args?: readonly string[];
  /** `https` when `args` set up TLS; the caller then waits for readiness itself. */
  readonly scheme?: 'http' | 'https';
}

/** Whether an etcd can be started here. */
export function hasEtcd(): boolean {
  return spawnSync('etcd', ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Says whether tests that need `etcd` run: with it they do; without it they are skipped, unless
 * `FLEET_TEST_REQUIRE_REAL=1` demands them, which makes them fail. For whole suites there is `describeOnEtcd`.
 */
export function etcdIsUsable(): boolean {
  return hasEtcd() || process.env['FLEET_TEST_REQUIRE_REAL'] === '1';
}

/** Starts one `etcd` from PATH on free loopback ports, with its data in a temporary folder, tuned for quick tests. */
export async function startTestEtcd(options: TestEtcdOptions = {}): Promise<TestEtcd> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-etcd-'));
  const [port, peerPort] = await freePorts();
  const scheme = options.scheme ?? 'http';
  const client = `${scheme}://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const output: string[] = [];
    const started = spawn(
      'etcd',
      [
        ...['--name', 'test', '--data-dir', join(directory, 'data'), '--log-level', 'error'],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
        // Leases of a second, and a leader at once. Tests do not need to survive a power cut.
        ...['--heartbeat-interval', '20', '--election-timeout', '200', '--unsafe-no-fsync'],
        ...(options.args ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    child = started;
    started.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const failed = new Promise<never>((_, reject) => {
      started.once('error', reject);
      started.once('exit', (code, signal) => reject(new Error(`etcd ended with ${code ?? signal ?? 'nothing'}: ${output.join('').slice(-2_000)}`)));
    });
    failed.catch(() => undefined);
    if (scheme === 'http') await Promise.race([failed, waitUntil('etcd to be healthy', () => isHealthy(client), { deadlineMs: 15_000 })]);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => {
      ending.once('exit', () => resolve());
    });
    ending.kill('SIGCONT');
    ending.kill(signal);
    await gone;
  };
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoints: [client],
    port,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    restart: async ({ keepData = true } = {}) => {
      await end('SIGKILL');
      if (!keepData) await rm(join(directory, 'data'), { recursive: true, force: true });
      await start();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function isHealthy(client: string): Promise<boolean> {
  const response = await fetch(`${client}/health`, { signal: AbortSignal.timeout(1_000) });
  return response.ok && (await response.text()).includes('true');
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}
