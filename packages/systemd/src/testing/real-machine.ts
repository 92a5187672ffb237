import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { waitUntil } from '@fleet/runtime/testing';

/** A machine with a systemd and a bus of its own: a container over a writable view of the host's root, gone when disposed. */
export interface RealMachine extends AsyncDisposable {
  /** Process id of its systemd, as the host sees it. */
  readonly leader: number;
  /** A directory that is at the same path on the host and in the machine. */
  readonly shared: string;
  /** A path in the machine, as the host can open it. */
  path(inside: string): string;
  /** Runs a command in the machine as root. @throws Error with what it printed if it fails. */
  run(command: readonly string[], options?: { readonly timeoutMs?: number }): Promise<string>;
}

// These would empty or change what the machine shares with nobody but does not need, or only cost time.
const MASKED = [
  'systemd-tmpfiles-setup.service',
  'systemd-tmpfiles-setup-dev.service',
  'systemd-tmpfiles-clean.service',
  'systemd-tmpfiles-clean.timer',
  'systemd-journal-flush.service',
  'systemd-logind.service',
  'systemd-networkd.service',
  'systemd-resolved.service',
  'systemd-sysctl.service',
  'systemd-sysusers.service',
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-udevd-control.socket',
  'systemd-udevd-kernel.socket',
  'systemd-update-utmp.service',
  'systemd-random-seed.service',
  'systemd-modules-load.service',
  'systemd-binfmt.service',
  'getty.target',
  'console-getty.service',
  'dev-hugepages.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
];

// Runs in a mount and a process namespace of its own: when its first process dies, everything here is gone.
const BOOT = `set -eu
base=$1 shared=$2 id=$3 group=$4 roots=$5; shift 5
for root in $roots; do mkdir -p "$root/$group"; echo 0 > "$root/$group/cgroup.procs"; done
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$base/root"
[ "$(stat -f -c %T "$base/root")" = overlayfs ]
rm -rf "$base/root/etc/systemd/system"
mkdir -p "$base/root/etc/systemd/system"
echo "$id" > "$base/root/etc/machine-id"
for unit in "$@"; do ln -s /dev/null "$base/root/etc/systemd/system/$unit"; done
exec systemd-nspawn --quiet --register=no --keep-unit --settings=no --private-network --resolv-conf=off --timezone=off --link-journal=no \\
  --console=pipe --directory="$base/root" --machine=fleet-test --bind="$shared" --boot systemd.unit=basic.target
`;

/** Why no machine can be booted here; `undefined` if one can. */
export function realMachineObstacle(): string | undefined {
  if (process.platform !== 'linux') return `real machines need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'real machines need root';
  const tools = { 'systemd-nspawn': 'systemd-container', 'dbus-daemon': 'dbus', 'nsenter': 'util-linux', 'unshare': 'util-linux', 'setpriv': 'util-linux' };
  const missing = Object.entries(tools).filter(([tool]) => !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((directory) => existsSync(join(directory, tool))));
  if (missing.length > 0) return `missing ${missing.map(([tool, name]) => `${tool} (Debian package ${name})`).join(', ')}`;
  const trial = spawnSync('unshare', ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { encoding: 'utf8', timeout: 10_000 });
  return trial.status === 0 ? undefined : `no namespaces or mounts of our own are allowed here: ${trial.stderr.trim()}`;
}

/** Boots a machine; takes about a second. @throws Error with its output if it does not come up. */
export async function bootRealMachine(): Promise<RealMachine> {
  const base = await mkdtemp(join(tmpdir(), 'fleet-machine-'));
  const shared = await mkdtemp(join(tmpdir(), 'fleet-shared-'));
  const id = Buffer.from(base.slice(-6).padEnd(16, 'x')).toString('hex').slice(0, 32);
  const roots = controlGroupRoots();
  const group = `fleet-systemd-test-${base.slice(-6)}`;
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  // The machine must not outlive us, however we end.
  const container = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'sh', '-c', BOOT, 'boot', base, shared, id, group, roots.join(' '), ...MASKED], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [container.stdout, container.stderr]) stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  const exited = new Promise<void>((resolve) => container.once('exit', () => resolve()));
  const dispose = async (): Promise<void> => {
    container.kill('SIGKILL');
    await exited;
    await waitUntil('the control groups of the machine to be empty', () => roots.every((root) => removeEmptyTree(join(root, group))));
    await rm(base, { recursive: true, force: true });
    await rm(shared, { recursive: true, force: true });
  };
  const enter = async (leader: number, command: readonly string[], timeoutMs: number): Promise<string> => {
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    try {
      return (await promisify(execFile)('nsenter', ['--target', String(leader), ...namespaces, '--', ...command], { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 })).stdout;
    } catch (error) {
      const { stderr = '', code = 'none, it was killed' } = error as { stderr?: string; code?: number | string };
      throw new Error(`${command.slice(0, 4).join(' ').slice(0, 200)}: exit code ${code}: ${stderr.slice(0, 2_000)}`);
    }
  };
  try {
    const leader = await waitUntil(
      'the machine to boot',
      async () => {
        const pid = descendantsOf(container.pid ?? 0).find((one) => commandOf(one).includes('systemd.unit=') && !commandOf(one).includes('nspawn'));
        if (pid === undefined) return undefined;
        await enter(pid, ['systemctl', 'is-active', '--quiet', 'basic.target', 'dbus.socket'], 5_000);
        return pid;
      },
      { deadlineMs: 30_000, everyMs: 50 },
    );
    return {
      leader,
      shared,
      path: (inside) => `/proc/${leader}/root${inside}`,
      run: (command, { timeoutMs = 30_000 } = {}) => enter(leader, command, timeoutMs),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw new Error(`the machine did not boot; its output: ${output}`, { cause: error });
  }
}

/** Hierarchies in which systemd keeps its groups: two machines in one group would take each other's services for their own. */
function controlGroupRoots(): string[] {
  const lines = readFileSync('/proc/mounts', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')).flatMap(([, target = '', type, options = '']) => (type === 'cgroup2' || (type === 'cgroup' && options.split(',').includes('name=systemd')) ? [target] : []));
}

function descendantsOf(pid: number): number[] {
  let children: number[];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function removeEmptyTree(directory: string): boolean {
  if (!existsSync(directory)) return true;
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeEmptyTree(join(directory, entry.name));
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
