import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { controlGroupRoots } from './control-groups.ts';

/** Debian packages that the real machines are made with; `npm test` installs those that are missing when it runs as root. */
const toolPackages: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  'dbus-daemon': 'dbus',
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  ip: 'iproute2',
  mount: 'mount',
  unshare: 'util-linux',
  nsenter: 'util-linux',
};

let known: { readonly obstacle: string | undefined } | undefined;

/** Why real machines cannot be booted on this computer, or `undefined` when they can. Tried once a process. */
export function realMachineObstacle(): string | undefined {
  known ??= { obstacle: findObstacle() };
  return known.obstacle;
}

function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return `real machines need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'real machines need root';
  const folders = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`.split(':');
  const missing = Object.keys(toolPackages).filter((tool) => !folders.some((folder) => folder !== '' && existsSync(`${folder}/${tool}`)));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => toolPackages[tool] ?? tool))];
    return `missing ${missing.join(', ')} (Debian packages: ${packages.join(' ')})`;
  }
  if (!/^nodev\s+overlay$/m.test(readFileSync('/proc/filesystems', 'utf8'))) {
    // The module may only be waiting to be loaded.
    spawnSync('modprobe', ['overlay']);
    if (!/^nodev\s+overlay$/m.test(readFileSync('/proc/filesystems', 'utf8'))) return 'the kernel has no overlay file system';
  }
  if (controlGroupRoots().length === 0) return 'no control groups for systemd are mounted below /sys/fs/cgroup';
  const trial = spawnSync(
    'unshare',
    ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-ec', 'mount -t tmpfs tmpfs /mnt; ip link set lo up; ip link add fleet0 type bridge'],
    { encoding: 'utf8', timeout: 10_000 },
  );
  if (trial.status !== 0) return `this kernel or container allows no namespaces, mounts or bridges of our own: ${trial.stderr.trim()}`;
  return undefined;
}
