import { randomUUID } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describeError } from '@fleet/runtime';

import { expandArguments, type Command } from './command-line.ts';
import { parseEnvironmentFile } from './environment-file.ts';
import { ownUser } from './own-user.ts';
import { EXIT_CHDIR, EXIT_EXEC, ProcessGroup, type ExitInfo } from './process-group.ts';
import type { OutputTarget, ServiceSpec } from './service-spec.ts';
import type { UnitLogs } from './unit-log.ts';

/** Where systemd looks for commands without a path. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A command that could not be started, as the exit it counts as, or as a lack of means to start it. */
export interface SpawnFailure {
  readonly failed: ExitInfo | 'resources';
  readonly why: string;
}

/** Starts the commands of one unit: environment, working directory and output as its file says. */
export class CommandRunner {
  readonly #name: string;
  readonly #logs: UnitLogs;
  readonly #base: Readonly<Record<string, string>>;

  constructor(name: string, logs: UnitLogs, base: Readonly<Record<string, string>>) {
    this.#name = name;
    this.#logs = logs;
    this.#base = base;
  }

  /** Variables for the commands of one run of the unit. @throws Error for an environment file that is not there. */
  async environmentOf(spec: ServiceSpec): Promise<Record<string, string>> {
    const { username, home, shell } = ownUser();
    const environment: Record<string, string> = {
      PATH: DEFAULT_PATH,
      HOME: home,
      USER: username,
      LOGNAME: username,
      SHELL: shell,
      INVOCATION_ID: randomUUID().replaceAll('-', ''),
      ...this.#base,
    };
    for (const name of spec.passEnvironment) {
      const value = process.env[name];
      if (value !== undefined) environment[name] = value;
    }
    Object.assign(environment, spec.environment);
    for (const { path, mayBeMissing } of spec.environmentFiles) {
      try {
        Object.assign(environment, parseEnvironmentFile(await readFile(path, 'utf8')));
      } catch (error) {
        if (!mayBeMissing) throw new Error(`read environment file ${path}`, { cause: error });
      }
    }
    for (const entry of spec.unsetEnvironment) {
      const [name = '', value] = entry.split('=', 2);
      if (value === undefined || environment[name] === value) Reflect.deleteProperty(environment, name);
    }
    return environment;
  }

  async spawn(command: Command, spec: ServiceSpec, environment: Readonly<Record<string, string>>): Promise<ProcessGroup | SpawnFailure> {
    const path = await findCommand(command.path, environment['PATH'] ?? DEFAULT_PATH);
    if (path === undefined) return { failed: { kind: 'code', code: EXIT_EXEC }, why: `command ${command.path} not found` };
    const cwd = await workingDirectory(spec);
    if (cwd === undefined) return { failed: { kind: 'code', code: EXIT_CHDIR }, why: `working directory ${spec.workingDirectory?.path ?? ''} is not there` };
    const opened: number[] = [];
    const openOutput = (target: OutputTarget, same: number | 'ignore'): number | 'ignore' => {
      if (target.kind === 'null') return 'ignore';
      if (target.kind === 'same') return same;
      const file = target.kind === 'log' ? this.#logs.open(this.#name) : openFile(target);
      opened.push(file);
      return file;
    };
    try {
      const stdout = openOutput(spec.stdout, 'ignore');
      const stderr = openOutput(spec.stderr, stdout);
      const argv = command.expandVariables ? expandArguments(command.argv, environment) : command.argv;
      const group = await ProcessGroup.spawn({ path, argv, environment, cwd, stdout, stderr });
      return group instanceof ProcessGroup ? group : { failed: group.failed, why: describeError(group.error) };
    } catch (error) {
      return { failed: 'resources', why: describeError(error) };
    } finally {
      for (const file of opened) closeSync(file);
    }
  }
}

async function findCommand(path: string, searchPath: string): Promise<string | undefined> {
  const candidates = path.startsWith('/') ? [path] : searchPath.split(':').map((directory) => join(directory, path));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      if ((await stat(candidate)).isFile()) return candidate;
    } catch {
      // Not here; perhaps in the next directory.
    }
  }
  return undefined;
}

async function workingDirectory(spec: ServiceSpec): Promise<string | undefined> {
  if (spec.workingDirectory === undefined) return '/';
  try {
    if ((await stat(spec.workingDirectory.path)).isDirectory()) return spec.workingDirectory.path;
  } catch {
    // Told below.
  }
  return spec.workingDirectory.mayBeMissing ? '/' : undefined;
}

function openFile(target: Extract<OutputTarget, { kind: 'file' }>): number {
  mkdirSync(dirname(target.path), { recursive: true });
  // `file:` writes from the beginning and leaves what is behind, as systemd does.
  const flags = { write: constants.O_WRONLY | constants.O_CREAT, append: 'a', truncate: 'w' } as const;
  return openSync(target.path, flags[target.mode], 0o644);
}
