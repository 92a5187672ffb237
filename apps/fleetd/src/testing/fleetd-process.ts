import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { waitUntil } from '@fleet/runtime/testing';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(PROJECT, 'tmp', 'program', 'main.js');

/** Bundles the program as it is shipped, apart from `dist`, which others may be using. */
export async function bundleProgram(): Promise<void> {
  const tsup = join(dirname(createRequire(import.meta.url).resolve('tsup/package.json')), 'dist', 'cli-default.js');
  await promisify(execFile)(process.execPath, [tsup, '--out-dir', dirname(PROGRAM), '--silent'], { cwd: PROJECT, timeout: 120_000 });
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Directories and a configuration for a fleetd of its own, on the embedded registry and the process adapter. */
export class FleetdMachine {
  readonly directory: string;
  readonly socket: string;
  readonly configFile: string;
  #running: FleetdProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, 'fleet.sock');
    this.configFile = join(directory, 'fleet.conf');
  }

  static async create(): Promise<FleetdMachine> {
    const directory = await mkdtemp(join(tmpdir(), 'fleetd-process-'));
    await mkdir(join(directory, 'out'));
    return new FleetdMachine(directory);
  }

  async configure(options: Readonly<Record<string, string>> = {}): Promise<void> {
    const all: Record<string, string> = {
      registry: 'embedded',
      registry_path: join(this.directory, 'registry.db'),
      systemd: 'process',
      process_directory: join(this.directory, 'process'),
      units_directory: join(this.directory, 'units'),
      runtime_directory: join(this.directory, 'run'),
      listen: this.socket,
      machine_id: 'test-machine',
      agent_ttl: '10s',
      ...options,
    };
    await writeFile(this.configFile, Object.entries(all).map(([key, value]) => `${key}=${value}\n`).join(''));
  }

  start(args: readonly string[] = ['--config', this.configFile], env: Readonly<Record<string, string>> = {}): FleetdProcess {
    const started = new FleetdProcess(args, env, this.socket);
    this.#running.push(started);
    return started;
  }

  /** Ends what still runs, units included. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) {
      if (!running.alive) continue;
      running.kill('SIGTERM');
      const timer = setTimeout(() => {
        running.kill('SIGKILL');
      }, 15_000);
      await running.exited;
      clearTimeout(timer);
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

export class FleetdProcess {
  readonly #child: ChildProcess;
  readonly #socket: string;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, socket: string) {
    this.#socket = socket;
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FLEET_') && name !== 'NODE_OPTIONS' && name !== 'NOTIFY_SOCKET'));
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...args], { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        resolve({ code, signal });
      });
    });
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.kill(signal);
    return await this.exited;
  }

  async waitForLog(pattern: RegExp): Promise<void> {
    await waitUntil(`${String(pattern)} in the log`, () => pattern.test(this.stderr), { deadlineMs: 15_000 }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.stderr}`);
    });
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    return await this.request('GET', path);
  }

  async putUnit(name: string, service: Readonly<Record<string, string>>, fleet: Readonly<Record<string, string>> = {}): Promise<void> {
    const section = (title: string, options: Readonly<Record<string, string>>) => Object.entries(options).map(([option, value]) => ({ section: title, name: option, value }));
    const { status, body } = await this.request('PUT', `/fleet/v1/units/${name}`, { desiredState: 'launched', options: [...section('Service', service), ...section('X-Fleet', fleet)] });
    if (status !== 201) throw new Error(`PUT ${name}: ${status} ${JSON.stringify(body)}`);
  }

  /** Waits until the unit's published state has this active state. */
  async waitForUnit(name: string, active: string): Promise<void> {
    await waitUntil(
      `${name} to be ${active}`,
      async () => {
        const { body } = await this.get('/fleet/v1/state');
        return (body as { states?: { name: string; systemdActiveState: string }[] } | null)?.states?.some((state) => state.name === name && state.systemdActiveState === active);
      },
      { deadlineMs: 15_000, everyMs: 30 },
    );
  }

  async request(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
    return await new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.#socket, method, path, agent: false, timeout: 10_000, headers: body === undefined ? {} : { 'Content-Type': 'application/json' } }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) });
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
