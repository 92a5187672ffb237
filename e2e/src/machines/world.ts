import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetError } from '@fleet/runtime';
import { waitUntil } from '@fleet/runtime/testing';
import { runCommand, type CommandOptions, type CommandResult } from './command.ts';
import { controlGroupName, removeControlGroups } from './control-groups.ts';
import { isOwnerAlive, processStamp } from './ownership.ts';

const directoryPrefix = 'fleet-world-';

/** A program that runs inside the world until it is killed or ends. */
export interface WorldProcess {
  /** Process id as this process sees it. */
  readonly pid: number;
  readonly exited: Promise<void>;
}

/**
 * Namespaces of our own (mounts, network, processes) that hold machines, their bridge and the stores. When this process
 * ends, in whatever way, the kernel ends everything in them: the first process of the world waits on a pipe from us, and a
 * process namespace dies with its first process. So nothing is left on the host but empty directories, which the next
 * world removes.
 */
export interface World extends AsyncDisposable {
  /** A tmpfs, visible only inside. */
  readonly directory: string;
  /** The bridge that all machines hang on, and its address. */
  readonly bridge: string;
  readonly gateway: string;
  readonly controlGroup: string;
  /** A path inside the world as this process can open it. */
  outside(path: string): string;
  run(command: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Starts a program with its output in `log` (a file on the host); resolves when it has been started. */
  start(command: readonly string[], options: { readonly log: string }): Promise<WorldProcess>;
}

export const networkPrefix = '10.213';
const toolFolders = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

// The bridge has an address of its own: without, it takes that of one of its ports and changes it when a machine comes or
// goes, and everybody loses touch with etcd until their neighbour tables are right again.
// `cat` ends when our end of the pipe is closed; the shell waits for it and meanwhile collects orphans.
const setUp = `set -eu
mount -t tmpfs -o mode=0755 fleet-world "$1"
mount -t tmpfs -o mode=0755 fleet-run /run
ip link set lo up
ip link add "$2" address 02:00:00:00:00:01 type bridge
ip address add "$3.0.1/16" dev "$2"
ip link set "$2" up
echo ready
cat >/dev/null
`;

// Only children of who enters a process namespace live in it. nsenter would fork by itself, but then it also stops when its
// child is stopped, and a stopped parent leaves a zombie that keeps the world from ending.
const runInForeground = '"$@"; exit $?';

/** @throws FleetError `WORLD_NOT_CREATED` (kind unavailable) with what the kernel said. Check `realMachineObstacle` first. */
export async function createWorld(): Promise<World> {
  removeStaleWorlds();
  const stamp = `${processStamp() ?? String(process.pid)}-`;
  const directory = mkdtempSync(join(tmpdir(), `${directoryPrefix}${stamp}`));
  const controlGroup = controlGroupName(directory.slice(directory.lastIndexOf(directoryPrefix) + directoryPrefix.length));
  const bridge = 'fleet0';
  const root = spawn(
    'unshare',
    ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', setUp, 'fleet-world', directory, bridge, networkPrefix],
    // In a session of its own, so that Ctrl-C in a terminal reaches us alone and we can end it in order.
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { PATH: toolFolders } },
  );
  await untilReady(root);
  const first = childrenOf(root.pid ?? 0)[0];
  if (first === undefined) throw new FleetError('cannot set up namespaces for the machines: their first process is gone', { code: 'WORLD_NOT_CREATED', kind: 'unavailable' });

  const enter = (command: readonly string[]): readonly string[] => ['--target', String(first), '--mount', '--net', '--pid', '--', ...command];
  const world: World = {
    directory,
    bridge,
    gateway: `${networkPrefix}.0.1`,
    controlGroup,
    outside: (path) => `/proc/${first}/root${path}`,
    run: (command, options = {}) => runCommand('nsenter', enter(command), { ...options, env: { PATH: toolFolders, ...options.env } }),
    start: async (command, options) => {
      const log = openSync(options.log, 'a');
      const child = spawn('nsenter', ['--no-fork', ...enter(['sh', '-c', runInForeground, 'sh', ...command])], { stdio: ['ignore', log, log], detached: true, env: { PATH: toolFolders } });
      closeSync(log);
      const exited = new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.once('error', () => resolve());
      });
      const pid = await waitUntil(`${command[0] ?? ''} to start`, () => {
        if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}: ${readFileSync(options.log, 'utf8').trim()}`);
        return childrenOf(child.pid ?? 0)[0];
      });
      return { pid, exited };
    },
    [Symbol.asyncDispose]: () => (disposal ??= dispose()),
  };
  let disposal: Promise<void> | undefined;
  const dispose = async (): Promise<void> => {
    const gone = root.exitCode === null && root.signalCode === null ? new Promise((resolve) => root.once('exit', resolve)) : Promise.resolve();
    root.stdin.destroy();
    await gone;
    await waitUntil('the control groups of the machines to empty', () => removeControlGroups(controlGroup), { deadlineMs: 5_000 });
    tryRemove(directory);
  };
  return world;
}

/** Process ids of the children of a process, as the kernel lists them. */
export function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function untilReady(root: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => reject(new FleetError(`cannot set up namespaces for the machines: ${why}`, { code: 'WORLD_NOT_CREATED', kind: 'unavailable' }));
    const timer = setTimeout(() => fail(`no answer after 10 s; ${said}`), 10_000);
    root.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    root.stdout?.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('ready')) return;
      clearTimeout(timer);
      resolve();
    });
    root.once('error', (cause) => fail(cause.message));
    root.once('exit', (code) => {
      clearTimeout(timer);
      fail(`exit code ${code ?? 'none'}: ${said.trim()}`);
    });
  });
}

function removeStaleWorlds(): void {
  removeControlGroups();
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith(directoryPrefix) && !isOwnerAlive(name, directoryPrefix)) tryRemove(join(tmpdir(), name));
  }
}

function tryRemove(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty means that it is not what we left: leave it.
  }
}
